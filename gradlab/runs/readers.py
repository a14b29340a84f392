"""What one entry of a file may be that others may have written: from its text to its value."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from gradlab.errors import shown

Reader = Callable[[str], Any]
"""From an entry's text to its value; ValueError, in words that follow the text, for what is none."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def escaped(text: str) -> str:
    """A text as a spreadsheet may have it: what would be a formula gets an apostrophe."""
    return f"'{text}" if re.match(r"'*[=+\-@\t\r]", text) else text


def plain(text: str) -> str:
    """A text as it was before `escaped`."""
    return text[1:] if re.match(r"''*[=+\-@\t\r]", text) else text


def one_of(labels: Iterable[Any], what: str) -> Reader:
    """A column of these labels, texts or numbers."""
    known = {escaped(label) if isinstance(label, str) else str(label): label for label in labels}

    def read(text: str) -> Any:
        if text in known:
            return known[text]
        # Another writer may spell a number otherwise.
        found = next((one for one in known.values() if not isinstance(one, str) and _equal(text, one)), None)
        if found is None:
            some = ", ".join(shown(name, 30) for name in list(known)[:8]) + (
                ", ..." if len(known) > 8 else ""
            )
            raise ValueError(f"is no {what}; {some}")
        return found

    return read


def _equal(text: str, label: int | float) -> bool:
    return bool(_NUMBER.fullmatch(text)) and float(text) == label


def whole(least: int = 0, most: int = 2**62) -> Reader:
    """A column of whole numbers."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"is no whole number from {least} to {most}")
        return int(text)

    return read


def number(text: str) -> float:
    """A column of numbers; an empty cell is NaN."""
    if text == "":
        return math.nan
    if not _NUMBER.fullmatch(text):
        raise ValueError("is no number; a cell without one is empty")
    found = float(text)
    if math.isinf(found):
        raise ValueError("is beyond 1.8e308")
    return found


def loss(text: str) -> float:
    """As `number`, of what may have diverged: `inf` is a value."""
    return math.inf if text == "inf" else number(text)


def word(text: str) -> str:
    """A column of short texts, perhaps empty."""
    found = plain(text)
    if not (found.isprintable() and len(found) <= 1000):
        raise ValueError("holds a line break or a control character, or is too long")
    return found


def label(text: str) -> str:
    """A column of labels: short texts, never empty."""
    if not text.strip():
        raise ValueError("is empty")
    return word(text)


def name(text: str) -> str:
    """A column of names, such as those of metrics."""
    if not (text.isidentifier() and text.isascii() and len(text) <= 100):
        raise ValueError("is no name")
    return text

"""CSV tables that others may have written: exact columns, and every cell what its column may hold."""

import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.errors import GradlabError, shown

if TYPE_CHECKING:
    import pandas

Reader = Callable[[str], Any]
"""From a cell's text to its value; ValueError, in words that follow the text, for what is none."""
LARGEST = 2 * 10**9
"""Bytes of a table."""
MIXED = "mixed"
"""The last column of a run that machines have computed which differ; `run.json` says the same."""

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


def read(content: bytes, where: str, columns: Mapping[str, Reader], key: list[str]) -> "pandas.DataFrame":
    """The table, its columns read by `columns`; `key` names those that no two rows share.

    A last column `mixed` is for those who read the file alone, and left out here.

    Raises `GradlabError` that names the line and the column of what is wrong.
    """
    import pandas as pd

    try:
        head, _, _ = content.partition(b"\n")
        names = head.decode().rstrip("\r").split(",")
        if names != [*columns] and names != [*columns, MIXED]:
            raise ValueError(f"has the columns {shown(head.decode(), 80)}; not {','.join(columns)}")
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (ValueError, OverflowError) as error:
        raise GradlabError(where, f"cannot be read as CSV: {shown(str(error), 200)}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise GradlabError(f"{where}:line 2", f"has not {len(names)} cells")
    short = table.isna().any(axis=1)
    if short.any():
        line = int(np.argmax(short.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", f"has not {len(names)} cells")
    found = {name: _column(table[name], where, name, reader) for name, reader in columns.items()}
    made = pd.DataFrame(found)
    twice = made.duplicated(key)
    if twice.any():
        line = int(np.argmax(twice.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", f"has the {', '.join(key)} of an earlier line; keep one")
    return made


def _column(texts: "pandas.Series[str]", where: str, name: str, reader: Reader) -> Any:
    values = {}
    for text in texts.unique().tolist():
        try:
            values[text] = reader(text)
        except ValueError as error:
            line = int(np.argmax((texts == text).to_numpy())) + 2
            raise GradlabError(f"{where}:line {line}.{name}", f"{shown(text)} {error}") from error
    column = [values[text] for text in texts.tolist()]
    kinds = {type(value) for value in values.values()}
    return np.array(column, object if kinds <= {str} else np.float64 if float in kinds else np.int64)

"""One value as people write it: a line of text, one of a few words, numbers, names in a list."""

import math
import re
from collections.abc import Callable
from typing import Any, get_args

from gradlab import spelled
from gradlab.errors import GradlabError, shown
from gradlab.ranges import MOST, floats, integers

MEMBERS = 1000
"""Cells, initialisers, probes or remedies of one list."""
LONGEST = 1000
"""Characters of one text in a file."""


def line(text: Any) -> str:
    """One line of printable text."""
    if not isinstance(text, str):
        raise GradlabError("", f"{shown(text)} must be text in quotes")
    if not text.strip() or len(text) > LONGEST:
        raise GradlabError("", f"must be 1 to {LONGEST} characters long")
    if not text.isprintable():
        what = "holds a line break or a control character; write one plain line"
        raise GradlabError("", f"{shown(text)} {what}")
    return text


def choice(option: str, text: str, allowed: Any) -> Any:
    """`text`, if it is one of the words of the `Literal` that `allowed` is.

    >>> from typing import Literal
    >>> choice("--precision", "float64", Literal["float32", "float64"])
    'float64'
    """
    if text not in get_args(allowed):
        raise spelled.unknown(option, option.lstrip("-"), text, get_args(allowed))
    return text


def number(where: str, value: Any, kind: type[int] | type[float]) -> int | float:
    """A finite number of that kind; not text."""
    plain = value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value
    if isinstance(plain, bool) or not isinstance(plain, int if kind is int else int | float):
        raise GradlabError(where, f"{shown(value)} must be {'a whole number' if kind is int else 'a number'}")
    if not math.isfinite(plain):
        raise GradlabError(where, f"{shown(value)} must be a finite number")
    return kind(plain)


def numbers(
    where: str, value: Any, kind: type[int] | type[float], *, text: bool
) -> tuple[int, ...] | tuple[float, ...]:
    """A number, several of them, or text: a list or a range `START:STOP:COUNT`.

    `text`: of a command line, where all values are.
    """
    if isinstance(value, str):
        value = value if text else line(value)
        counts = re.findall(r":\+?([0-9]{1,18})(?=,|$)", value)
        if not text and sum(map(int, counts)) > MOST:
            raise GradlabError(where, f"{shown(value)} has too many values; at most {MOST}")
        return integers(where, value) if kind is int else floats(where, value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    items = list(value) if isinstance(value, list | tuple | range) else [value]
    if not 1 <= len(items) <= MOST:
        raise GradlabError(where, f"must hold at least one number, and at most {MOST}")
    return tuple(kind(number(where, item, kind)) for item in items)


def texts(where: str, value: Any) -> tuple[str, ...]:
    """Texts in a list, each as it is, or one."""
    items = value if isinstance(value, list | tuple) else [value]
    for item in items:
        if not isinstance(item, str):
            raise GradlabError(where, f"{shown(item)} must be text")
        if not item.strip() or len(item) > LONGEST:
            raise GradlabError(where, f"must be 1 to {LONGEST} characters long")
    return tuple(items)


def several(where: str, value: Any, one: Callable[[Any], str], least: int, *, text: bool) -> tuple[str, ...]:
    """Members in a list, or one text with commas between them, each read by `one`.

    `text`: of a command line, where all values are.
    """
    items = value if isinstance(value, list | tuple) else [value]
    if text:
        items = [part for item in items for part in spelled.outside_brackets(item)]
        if not items or not all(items):
            raise GradlabError(where, "is empty; name at least one")
    if not least <= len(items) <= MEMBERS:
        raise GradlabError(where, f"must be {least} to {MEMBERS} names")
    found, wrong = [], []
    for item in items:
        try:
            found.append(one(item))
        except GradlabError as error:
            wrong.append(error)
    if len(wrong) > 1 and not text:
        raise GradlabError(where, "; ".join(error.what for error in wrong))
    if wrong:
        raise wrong[0]
    return tuple(found)

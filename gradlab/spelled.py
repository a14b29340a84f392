"""Settings and numbers as they are spelled: between brackets and commas, by name, as text."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from gradlab.errors import GradlabError, shown


def unknown(where: str, what: str, name: str, known: Iterable[str]) -> GradlabError:
    """The error for a name that nobody has, with the nearest known ones."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return GradlabError(where, f"no {what} called {shown(name)}; {hint}known: {', '.join(known) or 'none'}")


def pairs(option: str, text: str, first: str | None) -> list[tuple[str, str]]:
    """Settings and their texts; the first setting may go without its name, as in `clip_norm(1.0)`."""
    found = []
    for place, item in enumerate(filter(None, outside_brackets(text))):
        key, equals, value = item.partition("=")
        if place == 0 and first is not None and (not equals or "(" in key):
            key, equals, value = first, "=", item
        if not equals or not value.strip():
            raise GradlabError(option, f"{shown(item)} is not a setting; write setting=value")
        found.append((key.strip(), value.strip()))
    return found


def outside_brackets(text: str, at: str = ",") -> list[str]:
    """`text` split at the commas, or another letter, that stand outside brackets.

    >>> outside_brackets("lstm, stacked(cell=gru, layers=2)")
    ['lstm', 'stacked(cell=gru, layers=2)']
    """
    depth, places = 0, []
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == at and depth == 0:
            places.append(place)
    starts, ends = [0, *(place + 1 for place in places)], [*places, len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def converted(option: str, key: str, text: str, hint: Any) -> Any:
    """A setting's text as the type its annotation asks for; `None` is a word of an optional one."""
    if type(None) in get_args(hint):
        if text == "None":
            return None
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if float in get_args(hint):
        # It may be an array, too, which nobody writes.
        hint = float
    if hint in (str, Path):
        return hint(text)
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise unknown(option, f"value of {key}", text, get_args(hint))
        return text
    if hint is bool:
        if text not in ("true", "false"):
            raise GradlabError(option, f"{key}={shown(text)}; write true or false")
        return text == "true"
    return number(option, f"{key}={text}", text, hint)


def number(option: str, item: str, text: str, kind: type[int] | type[float]) -> int | float:
    """A finite decimal number from text; the error names the option and shows the item.

    >>> number("-T", "32", "32", int)
    32
    """
    form = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    if not re.fullmatch(form, text, re.ASCII):
        what, such = ("whole", "32") if kind is int else ("finite", "0.9 or 1e-3")
        raise GradlabError(option, f"{shown(item)} is not a {what} number; write one such as {such}")
    if kind is int:
        if len(text) > 20:
            raise GradlabError(option, f"{shown(item)} has too many digits; at most 20")
        return int(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise GradlabError(option, f"{shown(item)} is too large for float64; at most 1.7e308")
    digits = re.split("[eE]", text)[0]
    if abs(value) < 2.0**-1022 and re.search("[1-9]", digits):
        raise GradlabError(option, f"{shown(item)} underflows to 0; write 0 if that is meant")
    return value

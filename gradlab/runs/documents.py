"""JSON that others may have written, as plain data: strict, and within limits before anything believes it."""

import json
import math
from typing import Any

from gradlab.errors import shown

DEEPEST = 64
"""Objects and lists within each other."""


def parsed(content: bytes) -> Any:
    """The value of a JSON document in UTF-8.

    ValueError, in words that follow the file's name, for what does not parse, is nested deeper than 64, says
    a key twice, or holds a number or text that nothing can be done with: NaN, infinity, a whole number of
    more than 64 bits, half a surrogate pair.
    """
    try:
        found = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"is not strict JSON: not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise ValueError(f"is not strict JSON: {shown(str(error), 200)}") from error
    _check(found)
    return found


def record(content: bytes, **parts: type) -> dict[str, Any]:
    """The object of a JSON document that has at least these parts, each of its type; ValueError if not."""
    found = parsed(content)
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    for name, kind in parts.items():
        if not isinstance(found.get(name), kind):
            raise ValueError(f"has no {name}, or not the kind that it is")
    return {str(name): value for name, value in found.items()}


_TOO_DEEP = f"is not strict JSON: nested deeper than {DEEPEST}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {shown(twice)} is there twice")
    return found


def _no_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _check(document: Any) -> None:
    """Depth, numbers and text of what was parsed; in a loop, so that no depth is too deep for it."""
    level, depth = [document], 0
    while level:
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
                below += value.keys()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError("is not strict JSON: a number in it is beyond 1.8e308")
            elif isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError(f"is not strict JSON: {shown(value, 30)} takes more than 64 bits")
            elif isinstance(value, str) and not value.isascii():
                _check_text(value)
        level, depth = below, depth + 1


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"is not strict JSON: {shown(text)} holds half a surrogate pair") from error

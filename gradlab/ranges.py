"""Numbers from text: a list `0.5,1,2` or a range `start:stop:count`."""

import re

from gradlab.errors import Exit, GradlabError, shown, size
from gradlab.memory import available_bytes
from gradlab.spelled import number

MOST = 10**6
"""Values on one axis of a grid; more is taken for a slip and refused."""
POINT_BYTES = 1000
"""What a point of the grid takes at the very least."""


def floats(option: str, text: str) -> tuple[float, ...]:
    """Numbers from a list `0.5,1,2` or a range `start:stop:count`, both ends included.

    >>> floats("--w-rec", "0.1:0.3:3")
    (0.1, 0.2, 0.3)
    """
    if re.fullmatch(r"\s*\d+\s*,\s*\d+\s*", text, re.ASCII):
        point, pair = text.replace(",", "."), ",".join(f"{part.strip()}.0" for part in text.split(","))
        raise GradlabError(option, f"{shown(text)} may be a number or a list; write {point} or {pair}")
    return tuple(float(value) for part in _parts(option, text) for value in _range(option, part, float))


def integers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers from a list `32,64` or a range `start:stop:count`, both ends included.

    >>> integers("-T", "25,50:100:2")
    (25, 50, 100)
    """
    return tuple(int(value) for part in _parts(option, text) for value in _range(option, part, int))


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise GradlabError(option, f"{shown(text)} has an empty entry; write a list 1,2 or a range 1:9:5")
    return parts


def _range(option: str, text: str, kind: type[int] | type[float]) -> list[float] | list[int]:
    pieces = text.split(":")
    if len(pieces) == 1:
        return [number(option, text, text, kind)]
    if len(pieces) != 3:
        raise GradlabError(option, f"{shown(text)} is not a range; write START:STOP:COUNT, such as 1:9:5")
    start, stop = (number(option, text, piece, kind) for piece in pieces[:2])
    count = int(number(option, f"the count in {text}", pieces[2], int))
    if count < 1:
        raise GradlabError(option, f"{shown(text)} is an empty range; its count must be at least 1")
    if stop < start or (count == 1 and stop != start):
        raise GradlabError(option, f"{shown(text)} is an empty range; write START below STOP")
    if count > MOST:
        need, free = size(count * POINT_BYTES), size(available_bytes())
        what = f"{shown(text)} has {count} values and needs at least {need} of memory, {free} available"
        raise GradlabError(option, f"{what}; at most {MOST} values", Exit.RESOURCES)
    width = (stop - start) / max(count - 1, 1)
    if start == stop and count > 1:
        raise GradlabError(option, f"{shown(text)} has a step of zero; write {start} alone")
    values = [start + width * i for i in range(count - 1)] + [stop]
    if kind is float:
        return [float(f"{value:.12g}") for value in values[:-1]] + [stop]
    if not all(float(value).is_integer() for value in values):
        raise GradlabError(option, f"{shown(text)} does not fall on whole numbers; choose another COUNT")
    return [int(value) for value in values]

"""The columns of a series that networks get as inputs: which, scaled how, and the words that say so."""

import functools
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown
from gradlab.runs import files
from gradlab.series import reading
from gradlab.series import text as characters
from gradlab.series.reading import Series

SPOKEN = 6
"""Columns and windows that are told one by one."""
LARGEST = 1e30
"""Of a number; larger ones would leave float32 within a step."""


class Inputs(NamedTuple):
    """Columns over time, as networks get them."""

    names: tuple[str, ...]
    values: NDArray[Any]
    """(steps, columns) of float64; of a text (steps,), the place of the one column that is 1."""
    said: str
    """How they were read, in a sentence."""
    digest: str
    """Of the numbers before they were scaled, and of how they were scaled."""

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation of a column, of several the root of their mean variance."""
        if self.values.ndim == 1:
            share = np.bincount(self.values, minlength=len(self.names)) / len(self.values)
            return float(np.sqrt((share * (1 - share)).mean()))
        return float(np.sqrt(self.values.var(axis=0).mean()))

    def cut(self, starts: Sequence[int], T: int) -> NDArray[np.float64]:
        """Windows of T steps, (windows, T, columns)."""
        found = np.stack([self.values[start : start + T] for start in starts])
        return np.eye(len(self.names))[found] if self.values.ndim == 1 else found


@functools.lru_cache(maxsize=2)
def _kept(path: Path, columns: str, scale: str, stamp: tuple[int, ...]) -> Inputs:
    if is_text(path):
        return of_text(path, columns, scale)
    return of(str(path), reading.read(path), columns, scale)


def read(path: Path, columns: str, scale: str) -> Inputs:
    """The inputs in a file, read once as long as it stays as it is.

    Raises:
      GradlabError: as `reading.read` and `of`.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise files.unreadable(path, error) from error
    return _kept(path, columns, scale, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


def is_text(path: Path) -> bool:
    """Whether a file is read as text, character by character."""
    return path.suffix.lower() == reading.TEXT


def of_text(path: Path, columns: str, scale: str, alphabet: str = "") -> Inputs:
    """The characters of a text, one-hot, in the order of an alphabet's file, or else of their code points.

    Raises:
      GradlabError: for what is no text, one of a single symbol, and for settings that go with columns.
    """
    if columns:
        raise GradlabError(
            "--columns", f"{path} is a text, of which every character is an input; leave it out"
        )
    if scale != "none":
        raise GradlabError("--scale", f"{path} is a text, whose characters are 0 and 1; leave it out")
    found = characters.read(path)
    symbols = characters.given(Path(alphabet), found, str(path)) if alphabet else characters.alphabet(found)
    if len(symbols) < 2:
        raise GradlabError(str(path), f"holds {len(symbols)} symbols; a text of at least two is needed")
    codes = characters.coded(found, symbols)
    rest = f", of which {characters.OTHER} stands for all others" if characters.OTHER in symbols else ""
    said = f"inputs are the characters of {path}, one-hot in an alphabet of {len(symbols)}"
    digest = hashlib.sha256(f"text {symbols}\n".encode() + codes.astype("<i4").tobytes()).hexdigest()[:32]
    return Inputs(tuple(symbols), codes, f"{said}: {shown(symbols, 300)}{rest}", digest)


def of(name: str, series: Series, columns: str, scale: str, without: str = "") -> Inputs:
    """Those columns of a series, all but targets and the one `without` where none are named.

    Raises:
      GradlabError: for a column that there is not, and for one that never changes and shall have deviation 1.
    """
    if not columns:
        rest = [one for one in series.names if one != without and one not in series.aims]
        columns = ",".join(rest or series.names)
    chosen = series.picked("--columns", columns)
    largest = np.abs(chosen.values).max(axis=0)
    if (largest > LARGEST).any():
        at = int(np.argmax(largest))
        what = f"goes up to {largest[at]:.1g}; at most {LARGEST:.0e}: choose another unit"
        raise GradlabError(f"{name}:{chosen.names[at]}", what)
    values, said = _scaled(name, chosen, scale)
    digest = hashlib.sha256(f"{scale} {chosen.values.shape}\n".encode())
    digest.update(np.ascontiguousarray(chosen.values, "<f8").tobytes())
    return Inputs(chosen.names, values, said, digest.hexdigest()[:32])


def _scaled(name: str, chosen: Series, scale: str) -> tuple[NDArray[np.float64], str]:
    ends = zip(chosen.names, chosen.values.min(axis=0), chosen.values.max(axis=0), strict=True)
    told = listed([f"{column} {low:.3g} to {high:.3g}" for column, low, high in ends])
    if scale == "none":
        return chosen.values, f"inputs as they are in {name}: {told}"
    mean, deviation = chosen.values.mean(axis=0), chosen.values.std(axis=0)
    still = [
        column for column, low in zip(chosen.names, np.ptp(chosen.values, axis=0), strict=True) if not low
    ]
    if still:
        raise GradlabError(
            "--scale", f"standard is not possible: {listed(still)} never changes; leave it out"
        )
    words = f"inputs of {name} brought to mean 0 and deviation 1 over all its rows; they were {told}"
    return (chosen.values - mean) / deviation, words


def require_rows(name: str, rows: int, T: int) -> int:
    """The windows of T steps that so many rows have. Raises `GradlabError` if they have none."""
    if rows < T:
        raise GradlabError("-T", f"{T} is longer than the {rows} rows of {name}; choose a shorter one")
    return rows - T + 1


def windows_said(starts: Sequence[int], T: int, rows: int) -> str:
    """Which windows of a series these are."""
    some = sorted({*map(int, starts)})
    shared = "; some share rows" if any(b - a < T for a, b in itertools.pairwise(some)) else ""
    many = "windows" if len(starts) > 1 else "window"
    first = listed([str(start + 1) for start in some])
    return f"{len(starts)} {many} of {T} of {rows} rows, from row {first} on{shared}"


def listed(words: Sequence[Any]) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(words) - SPOKEN} more" if len(words) > SPOKEN else ""
    return ", ".join(words[:SPOKEN]) + more

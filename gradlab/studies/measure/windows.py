"""What is measured: windows of the series, its columns scaled as asked, and the words that say so."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.studies.measure import data
from gradlab.studies.measure.models import Model
from gradlab.studies.measure.settings import Measure

SPOKEN = 6
"""Columns and windows that are told one by one."""


class Windows(NamedTuple):
    """Inputs and targets of each window, and what is to be said of them."""

    xs: NDArray[np.float64]
    """(windows, T, columns)"""
    targets: NDArray[np.float64] | None
    """(windows, T)"""
    said: tuple[str, ...]


def of(asked: Measure, model: Model) -> Windows:
    """The windows that settings ask for.

    Raises:
      GradlabError: for a file that is no series, a column that it has not, columns that the network does not
        take, and fewer rows than T.
    """
    series = data.read(Path(asked.data))
    target = series.picked("--target", asked.target) if asked.target else None
    if target is not None and len(target.names) > 1:
        raise GradlabError("--target", f"names {len(target.names)} columns; a loss here compares with one")
    if asked.columns:
        inputs = series.picked("--columns", asked.columns)
    else:
        rest = [name for name in series.names if name != asked.target and not name.startswith(data.TARGETS)]
        inputs = series.picked("--columns", ",".join(rest or series.names))
    if model.inputs is not None and len(inputs.names) != model.inputs:
        what = f"are {len(inputs.names)} ({_listed(inputs.names)}), and the network takes {model.inputs}"
        raise GradlabError("--columns", f"{what}; name these")
    rows = len(series.values)
    if rows < asked.T:
        raise GradlabError(
            "-T", f"{asked.T} is longer than the {rows} rows of {asked.data}; choose a shorter one"
        )
    room = rows - asked.T + 1
    if asked.windows > room:
        raise GradlabError(
            "--windows", f"{asked.windows} is too large; {rows} rows have {room} of {asked.T} steps"
        )
    rng = np.random.default_rng([asked.seed, asked.T])
    starts = np.sort(rng.choice(room, asked.windows, replace=False))
    values, said = _scaled(asked, inputs)
    aims = None if target is None else _cut(target.values[:, 0], starts, asked.T)
    return Windows(_cut(values, starts, asked.T), aims, (*said, _told(starts.tolist(), asked, rows)))


def _cut(values: NDArray[np.float64], starts: NDArray[Any], T: int) -> NDArray[np.float64]:
    return np.stack([values[start : start + T] for start in starts])


def _scaled(asked: Measure, inputs: data.Series) -> tuple[NDArray[np.float64], list[str]]:
    """The columns as the network gets them, and how that was."""
    mean, deviation = inputs.values.mean(axis=0), inputs.values.std(axis=0)
    ranges = [
        f"{name} {low:.3g} to {high:.3g}"
        for name, low, high in zip(
            inputs.names, inputs.values.min(axis=0), inputs.values.max(axis=0), strict=True
        )
    ]
    told = _listed(ranges)
    if asked.scale == "none":
        return inputs.values, [f"inputs as they are in {asked.data}: {told}"]
    still = [name for name, one in zip(inputs.names, deviation, strict=True) if one == 0]
    if still:
        raise GradlabError(
            "--scale", f"standard is not possible: {_listed(still)} never changes; leave it out"
        )
    return (inputs.values - mean) / deviation, [
        f"inputs of {asked.data} brought to mean 0 and deviation 1 over all its rows; they were {told}"
    ]


def _told(starts: list[int], asked: Measure, rows: int) -> str:
    first = _listed([str(start + 1) for start in starts])
    shared = any(b - a < asked.T for a, b in itertools.pairwise(starts))
    some = "; some share rows" if shared else ""
    many = "windows" if len(starts) > 1 else "window"
    return f"{len(starts)} {many} of {asked.T} of {rows} rows, from row {first} on{some}"


def _listed(words: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(words) - SPOKEN} more" if len(words) > SPOKEN else ""
    return ", ".join(words[:SPOKEN]) + more

"""What is measured: windows of the series, its columns scaled as asked, and the words that say so."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown
from gradlab.series import inputs, reading
from gradlab.series.inputs import Inputs
from gradlab.series.reading import Series
from gradlab.studies.measure.models import Model
from gradlab.studies.measure.settings import Measure


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
    found, target = _read(asked)
    if model.inputs is not None and len(found.names) != model.inputs:
        option = "--alphabet" if inputs.is_text(Path(asked.data)) else "--columns"
        names = inputs.listed(
            [shown(name) for name in found.names] if option == "--alphabet" else found.names
        )
        what = f"are {len(found.names)} ({names}), and the network takes {model.inputs}"
        raise GradlabError(option, f"{what}; name these")
    room = inputs.require_rows(asked.data, found.rows, asked.T)
    if asked.windows > room:
        raise GradlabError(
            "--windows", f"{asked.windows} is too large; {found.rows} rows have {room} of {asked.T} steps"
        )
    rng = np.random.default_rng([asked.seed, asked.T])
    starts = np.sort(rng.choice(room, asked.windows, replace=False)).tolist()
    aims = None if target is None else np.stack([target.values[at : at + asked.T, 0] for at in starts])
    said = (found.said, inputs.windows_said(starts, asked.T, found.rows))
    return Windows(found.cut(starts, asked.T), aims, said)


def _read(asked: Measure) -> tuple[Inputs, Series | None]:
    """The inputs, and the column that a loss compares with."""
    path = Path(asked.data)
    if inputs.is_text(path):
        return inputs.of_text(path, asked.columns, asked.scale, asked.alphabet), None
    series = reading.read(path)
    target = series.picked("--target", asked.target) if asked.target else None
    if target is not None and len(target.names) > 1:
        raise GradlabError("--target", f"names {len(target.names)} columns; a loss here compares with one")
    return inputs.of(asked.data, series, asked.columns, asked.scale, without=asked.target), target

"""What a sweep has measured of one cell."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.digests import Code
from gradlab.errors import GradlabError
from gradlab.runs.shards import Arrays
from gradlab.studies.sweep import declared
from gradlab.studies.sweep.program import GRADIENT_AXES, SHIFT
from gradlab.studies.sweep.settings import Sweep

Array = NDArray[Any]


class CellResult(NamedTuple):
    """All measurements of one cell: arrays over (init, w_rec, T, seed, ...)."""

    cell: str
    parts: tuple[str, ...]
    linear: bool
    columns: dict[str, tuple[Array, Array]]
    """Of each column the log10 values and states, (init, w_rec, T, seed, lag), or with an axis of parts."""
    nonfinite: Array
    digests: dict[str, str]
    """sha256 of the unit-gain parameters by `init/seed`."""
    extras: dict[str, tuple[tuple[str, ...], Array, Array]]
    """Of each further probe's column its own axes, and values and states (init, w_rec, T, seed, ...)."""
    gates: tuple[str, ...]
    """What an axis `gate` counts."""
    has_gain: bool
    """Whether `w_rec` scales the cell; one that it does not scale has one result at every w_rec."""
    code: Code
    """What was computed: the digests of the cell and of what measured it."""
    leaves: tuple[str, ...] = ()
    """What an axis `leaf` counts: the parameters."""
    weights: Array | None = None
    """The norms of the unit-gain parameters, and their projections, (2, init, seed, leaf)."""
    readout: int = 0
    """Numbers in what further probes read of a state."""
    rescales: bool = False
    """Whether the cell rescales its own state, so that verdicts speak of its reach."""


def together(
    sweep: Sweep, cell: Any, pieces: Sequence[Arrays]
) -> tuple[dict[str, tuple[Array, Array]], dict[str, tuple[tuple[str, ...], Array, Array]]]:
    """Columns and extras of a result, of the arrays of all T in order.

    Raises:
      GradlabError: if the arrays of one T are not those of the others.
    """
    further = (SHIFT, *declared.asked(sweep.probe, cell.rescales))
    own = {name: axes for probe in further for name, axes in declared.axes(probe).items()}
    own |= GRADIENT_AXES
    if any(arrays.keys() != pieces[0].keys() or _tails(arrays) != _tails(pieces[0]) for arrays in pieces):
        what = "are not of one measurement, and do not fit together; --force measures anew"
        raise GradlabError("shards", f"those of {registry.spelling(cell)} {what}")
    if any(pieces[0][name].ndim != 1 + len(axes) for name, axes in own.items() if name in pieces[0]):
        raise GradlabError(
            "shards", f"those of {registry.spelling(cell)} have other axes; --force measures anew"
        )
    whole = {name: joined(sweep, [arrays[name] for arrays in pieces]) for name in pieces[0]}
    pairs = {
        name: (value, whole[f"{name}_state"]) for name, value in whole.items() if f"{name}_state" in whole
    }
    columns = {name: pair for name, pair in pairs.items() if name not in own}
    return columns, {name: (own[name], *pair) for name, pair in pairs.items() if name in own}


def _tails(arrays: Arrays) -> dict[str, tuple[int, ...]]:
    """What each array has beside its networks."""
    return {name: array.shape[1:] for name, array in arrays.items()}


def joined(sweep: Sweep, pieces: Sequence[Array]) -> Array:
    """The pieces of all T, each (network, ...), as one array over (init, w_rec, T, seed, ...)."""
    tail = pieces[0].shape[1:]
    shape = (len(sweep.T), len(sweep.init), -1, sweep.seeds, *tail)
    axes = (1, 2, 0, 3, *range(4, len(shape)))
    # A cell that w_rec does not scale was measured once: that is its result at every w_rec.
    every = (len(sweep.init), len(sweep.w_rec), len(sweep.T), sweep.seeds, *tail)
    return np.broadcast_to(np.stack(pieces).reshape(shape).transpose(axes), every)

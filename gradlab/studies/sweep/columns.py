"""What further probes have measured of each network, as metrics: a column, and an entry along its own axes.

`lyapunov[index=1]` is the first entry of the column `lyapunov`; a column without axes of its own is called by
its name. All entries are in `norms.nc`, where claims find them.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gradlab.metrics import every
from gradlab.profiles import QUANTITIES, Measured
from gradlab.states import NOT_COMPUTED, OK, UNDEFINED

if TYPE_CHECKING:
    import xarray

POINT = ("cell", "init", "w_rec", "T", "seed")
OWN = (*QUANTITIES, "gradient", "gradient_projection", "state_shift")
"""What every sweep measures."""
TIMES = ("step", "from_step", "to_step", "lag")
"""Axes along the sequence, on which no label is beyond T."""
FROM_ZERO = ("lag", "delay")
"""Axes that are counted from 0; all others from 1."""
NAMED = ("gate", "leaf", "part")
"""Axes whose entries have names."""

MOST = 200
"""Entries of one column in tables; the others are in `norms.nc` alone."""

Label = int | str
NONE: Mapping[str, Sequence[Label]] = MappingProxyType({})


class Entry(NamedTuple):
    """One number per network of a column."""

    column: str
    at: tuple[tuple[str, Label], ...]
    """The axes of the column's own, and where on each."""

    @property
    def name(self) -> str:
        """As a metric."""
        places = ",".join(f"{axis}={label}" for axis, label in self.at)
        return f"{self.column}[{places}]" if places else self.column


def columns(norms: "xarray.Dataset") -> dict[str, tuple[str, ...]]:
    """The columns of further probes in a dataset, each with the axes of its own."""
    found = {}
    taken = {*OWN, *(metric.name for metric in every())}
    for name in map(str, norms.data_vars):
        axes = tuple(map(str, norms[name].dims))
        if f"{name}_state" in norms and axes[: len(POINT)] == POINT and name not in taken:
            found[name] = axes[len(POINT) :]
    return found


def labels(norms: "xarray.Dataset", axis: str) -> list[Label]:
    """What the entries along an axis are called: names, or numbers."""
    if axis in norms.coords:
        return [label if isinstance(label, int) else str(label) for label in norms[axis].values.tolist()]
    first = 0 if axis in FROM_ZERO else 1
    return list(range(first, first + norms.sizes[axis]))


def fault(axis: str, label: Label | float) -> str:
    """What is wrong with the label of an entry, as far as no run is needed to tell; empty if nothing is."""
    if axis in NAMED:
        return "" if isinstance(label, str) else "must be text in quotes"
    least = 0 if axis in FROM_ZERO else 1
    whole = not isinstance(label, str) and float(label).is_integer()
    return "" if whole and float(label) >= least else f"must be a whole number, {least} or more"


def entries(norms: "xarray.Dataset", kept: Mapping[str, Sequence[Label]] = NONE) -> dict[Entry, list[int]]:
    """Entries that stand for their columns in tables, each with the places on the axis T that have it.

    Those that are `kept` of an axis; else of one of names all, of numbers the first, the middle and the last.
    """
    found: dict[Entry, list[int]] = {}
    for name, axes in columns(norms).items():
        for t, T in enumerate(norms["T"].values.tolist()):
            some = [
                reached(kept[axis], axis, T) if axis in kept else _some(_there(norms, name, axis, T))
                for axis in axes
            ]
            for at in itertools.islice(itertools.product(*some), MOST):
                found.setdefault(Entry(name, tuple(zip(axes, at, strict=True))), []).append(t)
    return found


def reached(labels: Sequence[Label], axis: str, T: int) -> list[Label]:
    """Those labels of an axis that a sequence of T steps has."""
    return [label for label in labels if axis not in TIMES or isinstance(label, str) or label <= T]


def _there(norms: "xarray.Dataset", column: str, axis: str, T: int) -> list[Label]:
    """The labels that a column has at T: it ends with the last lag that is defined in any network.

    One of a gradient has no lag T, where no step was taken, and maybe none of a step from a state of zeros.
    """
    known = reached(labels(norms, axis), axis, T)
    if axis != "lag" or len(known) < 2:
        return known
    state = norms[f"{column}_state"].sel(T=T)
    some = (state != UNDEFINED).any(set(state.dims) - {"lag"}).values[: len(known)].nonzero()[0]
    return known[: some[-1] + 1] if len(some) else known[:-1]


def _some(known: Sequence[Label]) -> list[Label]:
    if isinstance(known[0], str):
        return list(known)
    return list(dict.fromkeys((known[0], known[(len(known) - 1) // 2], known[-1])))


def measured(norms: "xarray.Dataset", entry: Entry) -> Measured:
    """An entry as arrays (cell, init, w_rec, T, seed)."""
    at = {axis: labels(norms, axis).index(label) for axis, label in entry.at}
    value, state = (
        norms[name].isel(at).transpose(*POINT) for name in (entry.column, f"{entry.column}_state")
    )
    return Measured(value.values.astype(np.float64), state.values)


def undefined(norms: "xarray.Dataset") -> list[str]:
    """Where columns have no value because the sequence is too short, in sentences."""
    return too_short({name: norms[name].attrs.get("undefined") for name in columns(norms)})


def too_short(why_of: Mapping[str, object]) -> list[str]:
    """The sentences on columns of which it is known why they have no value."""
    said: dict[str, list[str]] = {}
    for name, why in why_of.items():
        if isinstance(why, str):
            said.setdefault(why, []).append(name)
    return [f"{', '.join(sorted(names))}: undefined {why}." for why, names in said.items()]


def standing(norms: "xarray.Dataset") -> list[Entry]:
    """One entry for each column at the longest T, or one per name: the last step, and else the first.

    A column beyond the last step or lag of that length has none.
    """
    T = int(norms["T"].values.max())
    found = []
    for name, axes in columns(norms).items():
        places = []
        for axis in axes:
            known = _there(norms, name, axis, T)
            places.append(known if axis in NAMED else known[-1:] if axis in TIMES else known[:1])
        some = itertools.islice(itertools.product(*places), MOST)
        found += [Entry(name, tuple(zip(axes, at, strict=True))) for at in some]
    return found


def means(norms: "xarray.Dataset", entry: Entry, points: Sequence[tuple[str, str, float]]) -> list[float]:
    """The mean of an entry over the seeds that have it, at the longest T of each (cell, init, w_rec)."""
    value = measured(norms, entry).value[..., int(norms["T"].values.argmax()), :]
    cells, inits, gains = (norms[axis].values.tolist() for axis in POINT[:3])
    found = []
    for cell, init, w_rec in points:
        # A given network has no w_rec, and a single place on that axis.
        at = 0 if math.isnan(w_rec) else gains.index(w_rec)
        seeds = value[cells.index(cell), inits.index(init), at]
        known = seeds[~np.isnan(seeds)]
        found.append(float(known.mean()) if len(known) else float("nan"))
    return found


def exceeded(
    norms: "xarray.Dataset", entry: Entry, bound: str, points: Sequence[tuple[str, str, float]]
) -> list[float]:
    """What the mean of an entry exceeds where it is not computed of some seed; NaN elsewhere.

    The column `bound` says what such a seed exceeds; to leave it out would take the rest for all.
    """
    known = measured(norms, entry)
    least = measured(norms, Entry(bound, ())).value
    cells, inits, gains = (norms[axis].values.tolist() for axis in POINT[:3])
    found = []
    for cell, init, w_rec in points:
        gain = 0 if math.isnan(w_rec) else gains.index(w_rec)
        at = cells.index(cell), inits.index(init), gain, int(norms["T"].values.argmax())
        hidden = known.state[at] == NOT_COMPUTED
        some = np.where(hidden, least[at], known.value[at])[hidden | (known.state[at] == OK)]
        found.append(float(some.mean()) if hidden.any() else float("nan"))
    return found


def within(entry: Entry, T: int) -> bool:
    """Whether a sequence of T steps has an entry."""
    return all(reached([label], axis, T) for axis, label in entry.at)


def chosen(norms: "xarray.Dataset", kept: Mapping[str, Sequence[Label]]) -> "xarray.Dataset":
    """The dataset with only these entries along axes of columns, which it then labels."""
    at = {axis: [labels(norms, axis).index(label) for label in some] for axis, some in kept.items()}
    return norms.isel(at).assign_coords({axis: list(some) for axis, some in kept.items()})

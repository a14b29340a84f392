"""From a run to the estimates of one of its metrics."""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.findings.estimates import Estimate, Estimates, Label, Where, same
from gradlab.metrics import every, held
from gradlab.profiles import SOFT, Measured, fall, hard_horizon, rate, stored, stored_states
from gradlab.states import FORWARD_NONFINITE, NOT_COMPUTED, OK, UNDEFINED
from gradlab.stats import Interval, mean_interval, median_interval, share_interval
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import columns, regimes, results
from gradlab.studies.sweep import rows as sweep_rows
from gradlab.studies.sweep.results import Run

if TYPE_CHECKING:
    import pandas
    import xarray

Kind = Literal["mean", "median", "share", "word"]
Columns = Mapping[str, tuple[str, ...]]
"""The columns of further probes, each with the axes of its own."""
NONE: Mapping[str, Any] = MappingProxyType({})
AXES = {"sweep": ("cell", "init", "w_rec", "T"), "remedies": ("arm", "T", "w_rec")}


class Pooling(NamedTuple):
    """How the seeds of a point are put together."""

    kind: Kind
    beyond: bool = False
    """Whether undefined means not reached, which is more than any number."""


MADE = {
    "border": Pooling("mean"),
    "regime": Pooling("word"),
    "adjoint_rate": Pooling("mean"),
    "weight_gradient_rate": Pooling("mean"),
}
"""Of a sweep, worked out here; all others are metrics, or what further probes measure."""
TRAINED = {
    "solved": Pooling("share"),
    "diverged": Pooling("share"),
    "changed": Pooling("mean"),
    "cosine": Pooling("mean"),
    "slope_start": Pooling("mean"),
    "slope_end": Pooling("mean"),
    "updates": Pooling("median", beyond=True),
    "loss": Pooling("median", beyond=True),
    "error": Pooling("median", beyond=True),
    "horizon_start": Pooling("median", beyond=True),
    "horizon_end": Pooling("median", beyond=True),
    "hard_horizon": Pooling("median", beyond=True),
}
"""Of a comparison."""


def metrics(command: str, probed: Columns = NONE) -> dict[str, Pooling]:
    """What a claim about a run may be about; `probed` are the columns of further probes and their axes."""
    if command != "sweep":
        return TRAINED
    own = {one.name: Pooling(one.pooling, one.undefined != "unknown") for one in every()}
    return dict.fromkeys(probed, Pooling("mean")) | own | MADE


def axes(command: str, metric: str, probed: Columns = NONE) -> tuple[str, ...]:
    """The axes of a metric; the border is a place on the axis w_rec."""
    grid = tuple(axis for axis in AXES[command] if not (metric == "border" and axis == "w_rec"))
    return (*grid, *probed.get(metric, ()))


def swept(run: Run, metric: str, entries: Mapping[str, Collection[Label]] = NONE) -> Estimates:
    """The estimates of a sweep: one per (cell, init, w_rec, T), and per entry of a column of a further probe.

    `entries` says which along each axis of the column's own; all along one that is left out.
    """
    norms = run.norms
    probed = columns.columns(norms)
    names = axes("sweep", metric, probed)
    if metric not in {*run.metrics["metric"].unique(), *MADE, *probed}:
        return Estimates(metric, names, ())
    if metric in probed:
        points = [point for entry in _entries(norms, metric, entries) for point in _probed(run, entry)]
        return Estimates(metric, names, tuple(points))
    return Estimates(metric, names, tuple(_points(run, metric, names, _grid(run, metric))))


def _points(run: Run, metric: str, names: Sequence[str], found: Mapping[str, Measured]) -> Iterator[Estimate]:
    """The estimates of a metric on the axes `names` of the grid."""
    norms = run.norms
    pooling = metrics("sweep").get(metric, Pooling("mean"))
    coords = [norms[name].values.tolist() for name in names]
    for place in itertools.product(*(range(len(axis)) for axis in coords)):
        where = {name: axis[i] for name, axis, i in zip(names, coords, place, strict=True)}
        if pooling.kind == "word":
            yield _regime(run, found, place, where)
        else:
            value, state = (array[place] for array in found[metric])
            yield _together(pooling, where, value, state, sweep_rows.given(norms))


def _entries(
    norms: "xarray.Dataset", column: str, chosen: Mapping[str, Collection[Label]]
) -> Iterator[columns.Entry]:
    own = columns.columns(norms)[column]
    some = [
        [
            label
            for label in columns.labels(norms, axis)
            if axis not in chosen or any(same(label, one) for one in chosen[axis])
        ]
        for axis in own
    ]
    for at in itertools.product(*some):
        yield columns.Entry(column, tuple(zip(own, at, strict=True)))


def _probed(run: Run, entry: columns.Entry) -> Iterator[Estimate]:
    """The estimates of an entry, of the cells and at the lengths that have it."""
    found = columns.measured(run.norms, entry)
    has = (found.state != UNDEFINED).any(axis=(1, 2, 3, 4)).tolist()
    cells = dict(zip(run.norms["cell"].values.tolist(), has, strict=True))
    for point in _points(run, entry.column, AXES["sweep"], {entry.column: found}):
        if (cells[point.where["cell"]] or not entry.at) and columns.within(entry, int(point.where["T"])):
            yield point._replace(where=point.where | dict(entry.at))


def _grid(run: Run, metric: str) -> dict[str, Measured]:
    """Arrays (cell, init, w_rec, T, seed) of a metric, or of all that a regime is made from."""
    if metric == "regime":
        return {one.name: results.grid(run.metrics, run.norms, one.name) for one in held(run.norms)}
    if metric == "border":
        return {metric: _border(run)}
    if metric not in MADE:
        return {metric: results.grid(run.metrics, run.norms, metric)}
    quantity = metric.removesuffix("_rate")
    part = "state" if "part" in run.norms[quantity].dims else None
    return {metric: rate(*stored(run.norms, quantity, part))}


def _border(run: Run) -> Measured:
    """Where each seed's rate changes its sign, by (cell, init, T, seed)."""
    rates = results.grid(run.metrics, run.norms, "rate")
    w_rec = run.norms["w_rec"].values
    value = np.apply_along_axis(lambda row: regimes.border(w_rec, row), 2, rates.value)
    broken = (rates.state == FORWARD_NONFINITE).any(axis=2)
    state = np.where(np.isnan(value), np.where(broken, FORWARD_NONFINITE, UNDEFINED), OK).astype(np.int8)
    return Measured(value, state)


def _regime(run: Run, found: Mapping[str, Measured], place: tuple[int, ...], where: Where) -> Estimate:
    seeds = {name: Measured(metric.value[place], metric.state[place]) for name, metric in found.items()}
    linear = bool(run.norms["linear"].values[place[0]])
    labels = (str(where["cell"]), str(where["init"]), float(where["w_rec"]), int(where["T"]))
    given = sweep_rows.given(run.norms)
    of = sweep_rows.speaking_of(run.norms)[place[0]]
    group = sweep_rows.group(labels, seeds, np.empty(0), linear, given=given, of=of)
    level = 1.0 if given else math.nan
    return Estimate(
        where, group.seeds, math.nan, math.nan, math.nan, group.regime, level=level, repeats=group.repeats
    )


def trained(run: TrainingRun, metric: str) -> Estimates:
    """The estimates of a comparison: one per (arm, T, w_rec)."""
    names = axes("remedies", metric)
    points = []
    for _, rows in run.table.groupby(list(names), sort=False):
        first = rows.iloc[0]
        where: Where = {"arm": str(first["arm"]), "T": int(first["T"]), "w_rec": float(first["w_rec"])}
        value, state = _of_seeds(run, rows, where, metric)
        points.append(_together(TRAINED[metric], where, value, state))
    return Estimates(metric, names, tuple(points))


def _of_seeds(
    run: TrainingRun, rows: "pandas.DataFrame", where: Where, metric: str
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """A metric of each seed and its state; what a diverged seed has lost is worse than any number."""
    broken = rows["broken_at"].to_numpy() > 0
    fine = np.zeros(len(rows), np.int8)
    if metric in ("solved", "diverged"):
        yes = broken if metric == "diverged" else rows["solved_at"].to_numpy() > 0
        return yes.astype(np.float64), fine
    if metric == "updates":
        at = rows["solved_at"].to_numpy(np.float64)
        return at, np.where(at > 0, OK, UNDEFINED).astype(np.int8)
    if metric in ("loss", "error"):
        return rows[metric].to_numpy(np.float64), np.where(broken, UNDEFINED, OK).astype(np.int8)
    if metric in ("changed", "cosine"):
        value = rows[metric].to_numpy(np.float64)
        return value, np.where(np.isnan(value), UNDEFINED, OK).astype(np.int8)
    quantity = "adjoint" if metric == "hard_horizon" else "transport"
    when = "end" if metric.endswith("_end") else "start"
    log = run.norms[quantity].sel(where | {"when": when}).values[..., : int(where["T"]) + 1]
    state = stored_states(log)
    if metric == "hard_horizon":
        return hard_horizon(state)
    finite = np.where(state == OK, log, np.nan)
    return rate(finite, state) if "slope" in metric else fall(finite, state, SOFT)


def _together(
    pooling: Pooling,
    where: Where,
    value: NDArray[np.float64],
    state: NDArray[np.int8],
    given: bool = False,
) -> Estimate:
    """The seeds of a point as one estimate; what is not reached is infinite.

    One `given` network is judged by its number, which is all there is to know of it.
    """
    n, repeats = len(value), sweep_rows.REPEATS[given]
    lost = (state != OK) & ~((state == UNDEFINED) & pooling.beyond)
    if lost.any():
        broken = int((state == FORWARD_NONFINITE).sum())
        hidden = int((state == NOT_COMPUTED).sum())
        known = {"undefined": int(lost.sum()) - hidden, "not computed": hidden}
        why = (
            f"{' and '.join(f'{what} in {count}' for what, count in known.items() if count)} of {n} {repeats}"
        )
        if broken:
            why = f"lost, the forward pass of {broken} of {n} {repeats} is not finite"
        return Estimate(where, n, math.nan, math.nan, math.nan, lost=why, repeats=repeats)
    values = np.where(state == OK, value, np.inf)
    if given and n == 1:
        only = float(values[0])
        found = Interval(only, only, only, 1.0)
    elif pooling.kind == "share":
        found = share_interval(int(values.sum()), n)
    else:
        found = (mean_interval if pooling.kind == "mean" else median_interval)(values)
    sample = found.level != 1
    each = tuple(values.tolist()) if sample and pooling.kind == "median" else ()
    successes = int(values.sum()) if sample and pooling.kind == "share" else None
    interval = found.middle, found.low, found.high
    return Estimate(where, n, *interval, level=found.level, each=each, successes=successes, repeats=repeats)

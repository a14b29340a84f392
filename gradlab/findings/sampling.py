"""From a run to the samples of one of its metrics."""

import itertools
import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gradlab.findings.samples import Sample, Samples, Where
from gradlab.metrics import profiles
from gradlab.metrics.profiles import METRICS as STORED
from gradlab.metrics.profiles import Metric
from gradlab.states import FORWARD_NONFINITE, OK, UNDEFINED
from gradlab.stats import Interval, mean_interval, median_interval, share_interval
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results
from gradlab.studies.sweep import rows as sweep_rows
from gradlab.studies.sweep.results import Run

if TYPE_CHECKING:
    import pandas

Kind = Literal["mean", "median", "share", "word"]
AXES = {"sweep": ("cell", "init", "w_rec", "T"), "remedies": ("arm", "T", "w_rec")}
METRICS: dict[str, dict[str, Kind]] = {
    "sweep": {
        "rate": "mean",
        "adjoint_rate": "mean",
        "weight_gradient_rate": "mean",
        "border": "mean",
        "half_life": "median",
        "soft_horizon": "median",
        "hard_horizon": "median",
        "credit_horizon": "median",
        "nonfinite_step": "median",
        "backward_nonfinite_step": "median",
        "regime": "word",
    },
    "remedies": {
        "solved": "share",
        "diverged": "share",
        "changed": "mean",
        "cosine": "mean",
        "slope_start": "mean",
        "slope_end": "mean",
        "updates": "median",
        "loss": "median",
        "error": "median",
        "horizon_start": "median",
        "horizon_end": "median",
        "hard_horizon": "median",
    },
}
"""What a claim may be about, and how its seeds are put together."""
MADE = ("border", "regime", "adjoint_rate", "weight_gradient_rate")
"""Worked out here; all others are stored in `metrics.csv`."""
BEYOND = ("half_life", "soft_horizon", "hard_horizon", "nonfinite_step", "backward_nonfinite_step")
"""Undefined means later than the sequence: not reached, which is more than any number of steps."""


def axes(command: str, metric: str) -> tuple[str, ...]:
    """The axes of a metric; the border is a place on the axis w_rec."""
    return tuple(axis for axis in AXES[command] if not (metric == "border" and axis == "w_rec"))


def swept(run: Run, metric: str) -> Samples:
    """The samples of a sweep: one a (cell, init, w_rec, T)."""
    norms = run.norms
    names = axes("sweep", metric)
    if metric not in (
        *run.metrics["metric"].unique(),
        "regime",
        "border",
        "adjoint_rate",
        "weight_gradient_rate",
    ):
        return Samples(metric, names, ())
    coords = [norms[name].values.tolist() for name in names]
    points = []
    found = _grid(run, metric)
    for place in itertools.product(*(range(len(axis)) for axis in coords)):
        where = {name: axis[i] for name, axis, i in zip(names, coords, place, strict=True)}
        if metric == "regime":
            points.append(_regime(run, found, place, where))
        else:
            value, state = (array[place] for array in found[metric])
            kind, given = METRICS["sweep"][metric], sweep_rows.given(norms)
            points.append(_together(kind, where, value, state, metric in BEYOND, given))
    return Samples(metric, names, tuple(points))


def _grid(run: Run, metric: str) -> dict[str, Metric]:
    """Arrays (cell, init, w_rec, T, seed) of a metric, or of all that a regime is made from."""
    if metric == "regime":
        return {name: results.grid(run.metrics, run.norms, name) for name in STORED}
    if metric in STORED:
        return {metric: results.grid(run.metrics, run.norms, metric)}
    if metric == "border":
        return {metric: _border(run)}
    quantity = metric.removesuffix("_rate")
    part = "state" if "part" in run.norms[quantity].dims else None
    return {metric: profiles.rate(*profiles.stored(run.norms, quantity, part))}


def _border(run: Run) -> Metric:
    """Where each seed's rate changes its sign, by (cell, init, T, seed)."""
    rates = results.grid(run.metrics, run.norms, "rate")
    w_rec = run.norms["w_rec"].values
    value = np.apply_along_axis(lambda row: sweep_rows.border(w_rec, row), 2, rates.value)
    broken = (rates.state == FORWARD_NONFINITE).any(axis=2)
    state = np.where(np.isnan(value), np.where(broken, FORWARD_NONFINITE, UNDEFINED), OK).astype(np.int8)
    return Metric(value, state)


def _regime(run: Run, found: dict[str, Metric], place: tuple[int, ...], where: Where) -> Sample:
    seeds = {name: Metric(metric.value[place], metric.state[place]) for name, metric in found.items()}
    linear = bool(run.norms["linear"].values[place[0]])
    labels = (str(where["cell"]), str(where["init"]), float(where["w_rec"]), int(where["T"]))
    given = sweep_rows.given(run.norms)
    group = sweep_rows.group(labels, seeds, np.empty(0), linear, given=given)
    level = 1.0 if given else math.nan
    return Sample(where, group.seeds, math.nan, math.nan, math.nan, group.regime, level=level)


def trained(run: TrainingRun, metric: str) -> Samples:
    """The samples of a comparison: one a (arm, T, w_rec)."""
    names = axes("remedies", metric)
    kind = METRICS["remedies"][metric]
    points = []
    for _, rows in run.table.groupby(list(names), sort=False):
        first = rows.iloc[0]
        where: Where = {"arm": str(first["arm"]), "T": int(first["T"]), "w_rec": float(first["w_rec"])}
        value, state = _of_seeds(run, rows, where, metric)
        beyond = metric in ("updates", "loss", "error", "hard_horizon") or metric.startswith("horizon")
        points.append(_together(kind, where, value, state, beyond))
    return Samples(metric, names, tuple(points))


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
    state = profiles.stored_states(log)
    if metric == "hard_horizon":
        return profiles.hard_horizon(state)
    finite = np.where(state == OK, log, np.nan)
    return profiles.rate(finite, state) if "slope" in metric else profiles.soft_horizon(finite, state)


def _together(
    kind: Kind,
    where: Where,
    value: NDArray[np.float64],
    state: NDArray[np.int8],
    beyond: bool,
    given: bool = False,
) -> Sample:
    """The seeds of a point as one sample; `beyond` takes what is undefined for infinite.

    One `given` network is judged by its number, which is all there is to know of it.
    """
    n = len(value)
    lost = (state != OK) & ~((state == UNDEFINED) & beyond)
    if lost.any():
        broken = int((state == FORWARD_NONFINITE).sum())
        why = f"undefined in {lost.sum()} of {n} seeds"
        if broken:
            why = f"lost, the forward pass of {broken} of {n} seeds is not finite"
        return Sample(where, n, math.nan, math.nan, math.nan, lost=why)
    values = np.where(state == OK, value, np.inf)
    if given and n == 1:
        only = float(values[0])
        found = Interval(only, only, only, 1.0)
    elif kind == "share":
        found = share_interval(int(values.sum()), n)
    else:
        found = (mean_interval if kind == "mean" else median_interval)(values)
    middle, low, high, level = found
    return Sample(where, n, middle, low, high, level=level)

"""What trials say: solved shares, horizons before and after, a sentence an arm, and the forecast."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradlab.profiles import SOFT, fall, hard_horizon, rate, stored_states
from gradlab.stats import rank_correlation_interval, share_interval

if TYPE_CHECKING:
    import pandas
    import xarray

ENDS = ("start", "end")
FEW = 3
"""With fewer seeds a difference is not judged."""
REACH = SOFT
"""Decades by which a gradient may have changed at the far end and still be expected to train."""


class Share(NamedTuple):
    """A share and its interval."""

    successes: int
    of: int
    low: float
    high: float
    level: float
    """The least coverage of the interval."""


def share(count: int, of: int) -> Share:
    """A share of successes with Clopper and Pearson's interval; see `stats.share_interval`."""
    return Share(count, of, *share_interval(count, of)[1:])


class Outcome(NamedTuple):
    """One arm at one T and w_rec, over its seeds; medians, NaN where there is none."""

    arm: str
    cell: str
    T: int
    w_rec: float
    hidden: int
    parameters: int
    rate: float
    solved: Share
    updates: float
    """To solve, the median over the seeds that did."""
    loss: float
    """The last of each seed, on fresh sequences."""
    diverged: int
    diverged_what: str
    clipped: float
    """Share of the updates whose gradient the remedy changed; NaN where none was followed."""
    cosine: float
    horizon: tuple[float, float]
    """Soft horizon of the transport at the start and at the end; NaN for beyond T."""
    slope: tuple[float, float]
    """Rate of the transport at the start and at the end, decades a step."""
    hard: float
    """Hard horizon of the adjoint at the start; NaN if nothing is exactly zero."""


def outcomes(table: "pandas.DataFrame", profiles: "xarray.Dataset") -> list[Outcome]:
    """Every (arm, T, w_rec) of a comparison, in its order."""
    rows = []
    for key, some in table.groupby(["arm", "T", "w_rec"], sort=False):
        arm, T, w_rec = cast("tuple[str, int, float]", key)
        solved = some["solved_at"].to_numpy() > 0
        broken = some["broken_at"].to_numpy() > 0
        profile = profiles.sel(arm=arm, T=T, w_rec=w_rec, lag=slice(0, T))
        transport, adjoint = (np.asarray(profile[name].values) for name in ("transport", "adjoint"))
        first = some.iloc[0]
        what = some["broken_what"][broken].mode()
        rows.append(
            Outcome(
                arm,
                str(first["cell"]),
                T,
                w_rec,
                int(first["hidden"]),
                int(first["parameters"]),
                float(first["rate"]),
                share(int(solved.sum()), len(some)),
                float(np.median(some["solved_at"][solved])) if solved.any() else math.nan,
                _median(some["loss"]),
                int(broken.sum()),
                str(what.iloc[0]) if len(what) else "",
                float(some["changed"].mean()),
                float(some["cosine"].mean()),
                _pair(_soft(transport[:, end]) for end in (0, 1)),
                _pair(_slope(transport[:, end]) for end in (0, 1)),
                _median(hard_horizon(stored_states(adjoint[:, 0])).value),
            )
        )
    return rows


def _pair(values: Any) -> tuple[float, float]:
    first, second = values
    return first, second


def _median(values: ArrayLike) -> float:
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(np.median(known)) if len(known) else math.nan


def _soft(log: NDArray[np.float64]) -> float:
    """The median soft horizon over seeds, one beyond T counting as infinite; NaN if that is the median."""
    value = fall(log, stored_states(log), SOFT).value
    middle = float(np.median(np.where(np.isnan(value), np.inf, value)))
    return middle if math.isfinite(middle) else math.nan


def _slope(log: NDArray[np.float64]) -> float:
    return _median(rate(log, stored_states(log)).value)


def sentence(row: Outcome) -> str:
    """What the arm did to the gradient, and whether that helped, in words made from its numbers."""
    parts = []
    if math.isnan(row.clipped):
        parts.append("readout fitted in closed form, no gradient followed")
    elif row.clipped > 0:
        turned = "" if row.cosine > 0.999 else f" and turned it (mean cosine {row.cosine:.2f})"
        parts.append(f"changed the gradient in {row.clipped:.0%} of the updates{turned}")
    if not math.isnan(row.hard):
        parts.append(f"nothing comes from beyond lag {row.hard:g}")
    before, after = (_steps(h, row.T) for h in row.horizon)
    parts.append(f"horizon {before} -> {after}")
    share = row.solved
    if row.diverged:
        parts.append(f"{row.diverged} of {share.of} diverged ({row.diverged_what} not finite)")
    if share.successes == share.of:
        parts.append(f"solved by all {share.of} seeds")
    elif share.successes:
        parts.append(f"solved by {share.successes} of {share.of} seeds")
    else:
        parts.append(f"did not help: {_why(row)}" if row.arm != "none" else f"not solved: {_why(row)}")
    return "; ".join(parts)


def _steps(horizon: float, T: int) -> str:
    return f">{T}" if math.isnan(horizon) else f"{horizon:.0f}"


def _why(row: Outcome) -> str:
    """The likeliest reason that the numbers give for a task not solved."""
    end = row.slope[1]
    if math.isnan(row.clipped):
        return "a linear readout of this reservoir is not enough"
    if row.diverged == row.solved.of:
        return "every seed diverged"
    if not math.isnan(row.hard):
        return "the error of what lies further back is cut off"
    if math.isnan(end):
        return "the transport has no rate"
    if end < -math.log10(2) / row.T:
        return (
            "the gradient was vanishing, not exploding" if row.clipped > 0 else "the gradient was vanishing"
        )
    if end > math.log10(2) / row.T:
        return "the gradient was exploding"
    return "the gradient reached back, which was not sufficient within the budget"


class Forecast(NamedTuple):
    """How well the profile at the start ranks what could be trained."""

    predicted: NDArray[np.float64]
    """By outcome: the largest T that its start lets expect to train."""
    spearman: float
    low: float
    high: float
    level: float
    points: int


def forecast(rows: list[Outcome]) -> Forecast:
    """Predict from the start alone up to which T each row can be trained, and rank the rows by it.

    largest T = 1 + 3 / |rate at the start|,   or the hard horizon where that is shorter

    since a rate of r decades a step changes a gradient by 10^3 over 3/|r| steps. The rank correlation
    is between (largest T) / T and the solved share; see `stats.rank_correlation_interval`. NaN where all
    shares are equal or fewer than four rows are there.
    """
    reach = np.array([_reach(row) for row in rows])
    solved = np.array([row.solved.successes / max(row.solved.of, 1) for row in rows])
    known = ~np.isnan(reach)
    ease = reach[known] / np.array([row.T for row in rows])[known]
    return Forecast(reach, *rank_correlation_interval(ease, solved[known]), int(known.sum()))


def _reach(row: Outcome) -> float:
    slope = row.slope[0]
    if math.isnan(slope):
        return math.nan
    far = 1 + REACH / max(abs(slope), 1e-12)
    return far if math.isnan(row.hard) else min(far, row.hard)


def judged(rows: list[Outcome]) -> str:
    """Who wins, in one sentence; "too few seeds" where that cannot be said."""
    best = max(
        rows, key=lambda row: (row.solved.successes / max(row.solved.of, 1), -_or(row.updates, math.inf))
    )
    if best.solved.successes == 0:
        return "No arm solved the task within the budget."
    name = _name(best, rows)
    said = f"Best: {name}, {best.solved.successes} of {best.solved.of} seeds solved"
    said += "" if math.isnan(best.updates) else f", {best.updates:.0f} updates (median)"
    if best.solved.of < FEW:
        return f"{said}; too few seeds to compare (at least {FEW})."
    beaten = [row for row in rows if row.solved.high < best.solved.low]
    if not beaten:
        return f"{said}; no other arm's interval lies wholly below its own."
    return f"{said}; clearly better than {', '.join(_name(row, rows) for row in beaten)}."


def _or(value: float, other: float) -> float:
    return other if math.isnan(value) else value


def _name(row: Outcome, rows: list[Outcome]) -> str:
    several = [len({getattr(r, what) for r in rows}) > 1 for what in ("T", "w_rec")]
    extra = [f"{what} = {getattr(row, what):g}" for what, s in zip(("T", "w_rec"), several, strict=True) if s]
    return f"{row.arm} ({', '.join(extra)})" if extra else row.arm

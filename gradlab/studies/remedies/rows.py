"""What a training comes to: solved shares, losses, horizons before and after."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradlab.profiles import SOFT, fall, hard_horizon, rate, stored_states
from gradlab.stats import Interval, mean_interval, median_interval, share_interval
from gradlab.studies.remedies.settings import place

if TYPE_CHECKING:
    import pandas
    import xarray

ENDS = ("start", "end")


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


class Race(NamedTuple):
    """How an arm stood in a race for the least work at which half of the seeds solve a task."""

    budget: int
    """Updates that it may make at the most."""
    stopped: int
    """Updates after which seeds were stopped that had neither solved the task nor diverged; 0 if none was."""
    rung: int
    """The rung at which that was, from 1 on; 0 if none was."""
    rungs: int
    seed_updates: tuple[float, ...]
    """The update by which each seed had solved the task, infinite if it had not."""


class ArmRow(NamedTuple):
    """One arm at one T and w_rec, over its seeds; medians, NaN where there is none."""

    arm: str
    cell: str
    T: int
    w_rec: float
    hidden: int
    parameters: int
    lr: float
    """The learning rate; NaN where the readout was fitted in closed form."""
    closed_form: bool
    solved: Share
    updates: float
    """To solve, the median over the seeds that did."""
    loss: float
    """The last of each seed, on fresh sequences; that of a diverged seed counts as infinite."""
    losses: Interval
    """The same median and its interval."""
    chance: float
    """Loss of the best answer that knows nothing of the sequence; NaN where it is not known."""
    diverged: int
    diverged_what: str
    clipped: float
    """Share of the updates whose gradient the remedy changed; NaN where none was followed."""
    cosine: float
    horizon: tuple[float, float]
    """Soft horizon of the transport at the start and at the end; NaN for beyond T."""
    slope: tuple[float, float]
    """Rate of the transport at the start and at the end, decades per step."""
    end: Interval
    """Mean over seeds of the rate at the end, and its t-interval."""
    hard: float
    """Hard horizon of the adjoint at the start; NaN if nothing is exactly zero."""
    seed_losses: tuple[float, ...]
    """The loss of every seed, that of a diverged one infinite."""
    kept: float = math.nan
    """log10 of the transport over T steps at the start; -inf for an exact zero, NaN where there is none."""
    half: float = math.nan
    """Updates by which half of the seeds had solved it; NaN if fewer did."""
    multiply_adds: float = math.nan
    """Of an update, in products of matrices; NaN where none is made, or they are not known."""
    untrained: float = math.nan
    """Of the parameters, those that stay as they were drawn; NaN where it is not known."""
    most: int = 0
    """T that the arm could come to at the most where what is tried depends on what is learned; else 0."""
    race: Race | None = None
    """Where arms raced."""
    lag: float = math.nan
    """k of `beyond`, one for all arms of a place; NaN where no share of a gradient was measured."""
    beyond: tuple[float, float] = (math.nan, math.nan)
    """Part of the recurrent weights' gradient from beyond lag k at the start and at the end."""
    told: tuple[float, float] = (math.nan, math.nan)
    """Statistical horizon at the start and at the end; -1 where the sequences tell of no lag."""
    sequences: int = 0
    """Fresh sequences that tell it; 0 where it was not measured."""


def outcomes(
    table: "pandas.DataFrame",
    profiles: "xarray.Dataset",
    chance: Mapping[str, float],
    costs: Mapping[str, Mapping[str, int]],
) -> list[ArmRow]:
    """Every (arm, T, w_rec) of a comparison, in its order.

    `chance` maps each T, as text, to its loss, and `costs` each place to what an update costs there.
    """
    rows = []
    for _, some in table.groupby(["arm", "T", "w_rec"], sort=False):
        first = some.iloc[0]
        # Of the kinds that Python has: which ones a group's key has depends on pandas.
        arm, T, w_rec = str(first["arm"]), int(first["T"]), float(first["w_rec"])
        solved = some["solved_at"].to_numpy() > 0
        broken = some["broken_at"].to_numpy() > 0
        profile = profiles.sel(arm=arm, T=T, w_rec=w_rec, lag=slice(0, T))
        transport, adjoint = (np.asarray(profile[name].values) for name in ("transport", "adjoint"))
        what = some["broken_what"][broken].mode()
        # A gradient that nobody follows is not changed; that of a seed which diverged at once is not known.
        closed_form = bool(some["changed"].isna().all()) and not broken.any()
        each = np.where(broken, np.inf, some["loss"].to_numpy(np.float64))
        losses = median_interval(each)
        cost = costs.get(place(arm, T), {})
        ended = transport[:, 1]
        rows.append(
            ArmRow(
                arm,
                str(first["cell"]),
                T,
                w_rec,
                int(first["hidden"]),
                int(first["parameters"]),
                math.nan if closed_form else float(first["lr"]),
                closed_form,
                share(int(solved.sum()), len(some)),
                float(np.median(some["solved_at"][solved])) if solved.any() else math.nan,
                losses.middle,
                losses,
                float(chance.get(str(T), math.nan)),
                int(broken.sum()),
                str(what.iloc[0]) if len(what) else "",
                float(some["changed"].mean()),
                float(some["cosine"].mean()),
                _pair(_soft(transport[:, end]) for end in (0, 1)),
                _pair(_slope(transport[:, end]) for end in (0, 1)),
                mean_interval(rate(ended, stored_states(ended)).value),
                _median(hard_horizon(stored_states(adjoint[:, 0])).value),
                tuple(each.tolist()),
                _median(transport[:, 0, -1]),
                half(some["solved_at"].to_numpy()),
                float(cost.get("multiply_adds", math.nan)),
                float(cost.get("untrained", math.nan)),
            )
        )
    return rows


def half(solved_at: NDArray[np.int64]) -> float:
    """The update by which half of the seeds, or one more, had solved it; 0 stands for never."""
    known = np.sort(solved_at[solved_at > 0])
    least = -(-len(solved_at) // 2)
    return float(known[least - 1]) if len(known) >= least else math.nan


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

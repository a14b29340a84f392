"""What the profile before training lets expect, and how well that ranked what was learned."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.profiles import SOFT
from gradlab.stats import percent, rank_correlation_interval
from gradlab.studies.remedies.rows import ArmRow

REACH = SOFT
"""Decades by which a gradient may have changed at the far end and still be expected to train."""


class Forecast(NamedTuple):
    """How well the profile at the start ranks what could be trained."""

    predicted: NDArray[np.float64]
    """By outcome: the largest T that its start lets expect to train."""
    spearman: float
    low: float
    high: float
    level: float
    points: int
    """Starts, each of which counts once, however many arms and T begin with it."""
    by_T: float
    """The same rank correlation of 1/T, which no profile has to be measured for; NaN for a single T."""

    @property
    def skill(self) -> bool:
        """Whether the interval shuts out 0, and 1/T alone ranks worse."""
        return self.low > 0 and not self.by_T >= self.spearman


def forecast(rows: Sequence[ArmRow]) -> Forecast:
    """Predict from the start alone up to which T each row can be trained, and rank the rows by it.

    largest T = 1 + 3 / |rate at the start|,   or the hard horizon where that is shorter

    since a rate of r decades per step changes a gradient by 10^3 over 3/|r| steps. The rank correlation
    is between (largest T) / T and the solved share. Arms that begin with the same networks share their luck:
    at a T they are one point, their mean, and the interval takes as many pairs as there are starts, of which
    one is met at every T; see `stats.rank_correlation_interval`. NaN where all shares are equal or fewer than
    four starts are there, of a search: which T are there depends on what was learned, and of a
    race, whose arms are stopped.
    """
    reach = np.array([_reach(row) for row in rows])
    places: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for row, start, far in zip(rows, starts_of(rows), reach, strict=True):
        if not math.isnan(far) and not row.most and row.race is None:
            share = row.solved.successes / max(row.solved.of, 1)
            places.setdefault((start, row.T), []).append((far / row.T, share))
    ease, solved = (
        np.array([np.mean([pair[i] for pair in some]) for some in places.values()]) for i in (0, 1)
    )
    starts = len({start for start, _ in places})
    rank = rank_correlation_interval(ease, solved, pairs=starts)
    lengths = rank_correlation_interval([-T for _, T in places], solved, pairs=starts)
    return Forecast(reach, *rank, starts, lengths.middle)


def said(rows: Sequence[ArmRow], signed: Callable[[float], str]) -> str:
    """How well it ranked, in a sentence, and whether that is skill; empty where nothing can be ranked."""
    found = forecast(rows)
    if math.isnan(found.spearman):
        return ""
    between = f"{percent(found.level)} interval {signed(found.low)} to {signed(found.high)}"
    head = (
        f"Forecast from the start alone: rank correlation {signed(found.spearman)} ({between}, "
        f"{found.points} starts) between the reach of the gradient and the share solved"
    )
    beside = "" if math.isnan(found.by_T) else f", where 1/T alone has {signed(found.by_T)}"
    return f"{head}{beside}{'' if found.skill else ': no skill'}."


def unranked(rows: Sequence[ArmRow], starts: str = "starts") -> str:
    """Why nothing is ranked, where that is so; `starts` with their number, if that is to be said."""
    if any(row.race is not None for row in rows):
        return "arms were stopped that could not win any more"
    if any(row.most for row in rows):
        return "which T were tried depended on what was learned"
    return f"the {starts} are too few or too much alike"


def starts_of(rows: Sequence[ArmRow]) -> list[int]:
    """For each row the number of the networks it begins with: of an arm the same ones at every T."""
    number = list(range(len(rows)))
    seen: dict[tuple[object, ...], int] = {}
    for i, row in enumerate(rows):
        # As text, in which one NaN is another; without a rate nothing tells whose start it is.
        profile = (row.T, row.w_rec, row.cell, row.hidden, repr(row.slope[0]), repr(row.kept))
        for key in ((row.arm, row.w_rec), *([] if math.isnan(row.slope[0]) else [profile])):
            j = seen.setdefault(key, i)
            old, new = number[i], number[j]
            number = [new if one == old else one for one in number]
    return number


def _reach(row: ArmRow) -> float:
    slope = row.slope[0]
    if math.isnan(slope):
        return math.nan
    far = 1 + REACH / max(abs(slope), 1e-12)
    return far if math.isnan(row.hard) else min(far, row.hard)

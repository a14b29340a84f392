"""What a claim is judged on, one metric at one point with its seeds put together, and verdicts about it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NewType

import numpy as np

from gradlab.significance import FEW_TESTED, FISHER, RANKS, median_test, share_test
from gradlab.stats import FEW, WRONG, percent

Label = float | int | str
Where = dict[str, Label]
"""Labels of points: an axis left out stands for all its values."""
Axis = str
"""The name of an axis along which points are compared."""
Order = dict[str, list[Label]]
"""One axis and some of its labels, in an order."""
Margin = NewType("Margin", float)
"""A distance that still counts as none, 0 or more."""


class Estimate(NamedTuple):
    """One metric at one point: the seeds' mean, median or share, and an interval.

    An end may be infinite (a horizon beyond T, a task never solved). `lost` says why there is no value; it
    comes before any value.
    """

    where: Where
    seeds: int
    middle: float
    low: float
    high: float
    word: str = ""
    lost: str = ""
    level: float = math.nan
    """That the interval attains: NaN where there is none, 1 for one given network, which is no sample."""
    each: tuple[float, ...] = ()
    """The values of the seeds of a median; empty for all else."""
    successes: int | None = None
    """Of a share."""
    repeats: str = "seeds"
    """What the `seeds` are: `sequences` where a network is given."""

    def __str__(self) -> str:
        if self.lost:
            return self.lost
        seeds = f"{self.seeds} {self.repeats if self.seeds != 1 else self.repeats[:-1]}"
        if self.word:
            return f"{self.word} ({seeds})"
        if self.level == 1:
            return f"{number(self.middle)} (this network)"
        if math.isnan(self.level):
            return f"{number(self.middle)} ({seeds}, no interval)"
        return (
            f"{number(self.middle)} [{number(self.low)}, {number(self.high)}] "
            f"({percent(self.level)} interval, {seeds})"
        )

    @property
    def miss(self) -> float:
        """How often one end of the interval is on the wrong side of the true value, at the most."""
        return 1.0 if math.isnan(self.level) else (1 - self.level) / 2


def number(value: float) -> str:
    """A number as findings show it; infinite is `never`: a horizon not reached, a task not solved."""
    return "never" if value == math.inf else f"{value:.6g}"


Status = Literal["passed", "failed", "inconclusive"]
ORDER: tuple[Status, ...] = ("passed", "inconclusive", "failed")


class Decision(NamedTuple):
    """What a check says: the status, and the point and the words that decided it."""

    status: Status
    at: Estimate
    why: str = ""


def decide(estimate: Estimate, holds: bool, fails: bool, *, sides: int = 1) -> Decision:
    """States before values: a value that is lost fails; else it holds, fails, or cannot be told.

    A claim holds by one end of the interval, or by two of which either alone may be wrong; it fails by one,
    or, where it has two `sides`, by either of two.
    """
    if estimate.lost:
        return Decision("failed", estimate, estimate.lost)
    if math.isnan(estimate.level):
        return Decision(
            "inconclusive", estimate, f"a claim about {estimate.repeats} needs an interval over them"
        )
    if not holds and not fails:
        return Decision("inconclusive", estimate, "the interval is too wide")
    if not _good((1 if holds else sides) * estimate.miss):
        return Decision("inconclusive", estimate, _weak(estimate))
    return Decision("passed" if holds else "failed", estimate)


def within(estimate: Estimate, least: float, most: float) -> Decision:
    """Whether an estimate lies between two numbers, ends included."""
    inside = least <= estimate.low <= estimate.high <= most
    return decide(estimate, inside, estimate.high < least or estimate.low > most, sides=2)


def _good(miss: float) -> bool:
    return miss <= WRONG + 1e-9


def _weak(*estimates: Estimate) -> str:
    least = min(estimates, key=lambda estimate: estimate.level)
    return f"too few {least.repeats}: an interval of {percent(least.level)} is not enough to judge by"


def worst(verdicts: Sequence[Decision]) -> Decision:
    """The verdict that decides where all must hold; the first of equals."""
    return max(verdicts, key=lambda verdict: ORDER.index(verdict.status))


@dataclass(frozen=True)
class Estimates:
    """A metric of a run, by point."""

    metric: str
    axes: tuple[str, ...]
    points: tuple[Estimate, ...]

    def at(self, where: Mapping[str, Any]) -> list[Estimate]:
        """The points that a `where` leaves open."""
        return [point for point in self.points if all(same(point.where[k], v) for k, v in where.items())]

    def every(self, where: Where, judge: Callable[[Estimate], Decision]) -> Decision:
        """The verdict of a claim about each point on its own."""
        return worst([judge(point) for point in self.at(where)])

    def rows(self, where: Where, axis: str) -> Iterator[list[Estimate]]:
        """The points along an axis, for each setting of the other axes that `where` leaves open."""
        others = [name for name in self.axes if name != axis]
        found: dict[tuple[Any, ...], list[Estimate]] = {}
        for point in self.at(where):
            found.setdefault(tuple(point.where[name] for name in others), []).append(point)
        yield from found.values()


def same(a: Any, b: Any) -> bool:
    """Equal labels; numbers to rounding."""
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def apart(high: Estimate, low: Estimate) -> Decision:
    """Whether one estimate is above another, for samples of enough seeds: 3 for means, else 4.

    Two shares are told apart by Fisher's exact test, two medians by that of Mann and Whitney, both at 5 %;
    means by intervals that do not touch.
    """
    for estimate in (high, low):
        if estimate.lost:
            return Decision("failed", estimate, f"{label(estimate.where)}: {estimate.lost}")
    against = f"against {low} for {label(low.where)}"
    name, p = _test(high, low)
    least = FEW_TESTED if name else FEW
    few = min((estimate.seeds for estimate in (high, low) if estimate.level != 1), default=least)
    if few < least:
        return Decision(
            "inconclusive", high, f"{against}; too few {high.repeats} to compare ({few}, at least {least})"
        )
    if name and p <= WRONG:
        return Decision("passed" if high.middle > low.middle else "failed", high, f"{against}; {name} at 5 %")
    enough = _good(high.miss + low.miss)
    if not name and not enough:
        return Decision("inconclusive", high, f"{against}; {_weak(high, low)}")
    if not name and high.low > low.high:
        return Decision("passed", high, against)
    if enough and high.high <= low.low:
        return Decision("failed", high, against)
    why = f"not told apart ({name} at 5 %)" if name else "the intervals overlap"
    return Decision("inconclusive", high, f"{against}; {why}")


def _test(one: Estimate, other: Estimate) -> tuple[str, float]:
    """The test that two samples are compared by, and what it says; no name where it is their intervals."""
    if one.successes is not None and other.successes is not None:
        return FISHER, share_test(one.successes, one.seeds, other.successes, other.seeds)
    if one.each and other.each:
        return RANKS, median_test(np.array(one.each), np.array(other.each))
    return "", math.nan


def label(where: Where) -> str:
    """`lstm, w_rec = 0.9, T = 50`."""
    words = {"cell", "init", "arm"}
    parts = [
        str(v) if k in words else f"{k} = {v if isinstance(v, str) else number(float(v))}"
        for k, v in where.items()
    ]
    return ", ".join(parts)


def monotone(estimates: Estimates, where: Where, axis: Axis, *, rising: bool) -> Decision:
    """Whether the value goes one way along an axis, for every setting of the other axes."""
    verdicts = []
    for row in estimates.rows(where, axis):
        ordered = sorted(row, key=lambda point: float(point.where[axis]))
        verdicts.append(_one_way(ordered if rising else ordered[::-1]))
    return worst(verdicts)


def _one_way(row: list[Estimate]) -> Decision:
    """The last is clearly above the first, and no one is clearly below one before it."""
    for point in row:
        if point.lost:
            return Decision("failed", point, f"{label(point.where)}: {point.lost}")
    if len(row) < 2:
        return Decision("inconclusive", row[0], "a single point has no direction")
    highest = row[0]
    for point in row[1:]:
        if point.high < highest.low and apart(point, highest).status == "failed":
            return Decision("failed", point, f"against {highest} for {label(highest.where)}")
        highest = max(highest, point, key=lambda estimate: estimate.low)
    return apart(row[-1], row[0])

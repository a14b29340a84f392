"""Has a number changed? Seed by seed for equal networks, by intervals for others; states before values."""

import fnmatch
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gradlab import probes
from gradlab.findings.finding import Finding, Status
from gradlab.findings.numbers import BySeed, Key, Value
from gradlab.metrics import every, named
from gradlab.significance import share_test
from gradlab.stats import difference_interval, percent

Mode = Literal["paired", "by intervals"]

LEAST_SEEDS = 5
"""With fewer on either side, and other weights, a difference is not judged."""


class Limit(NamedTuple):
    """How far a number may move: |new - old| <= absolute + relative |old|."""

    metric: str
    """A name, or a pattern such as `*_horizon`."""
    absolute: float = 0.0
    relative: float = 0.0
    where: Mapping[str, Any] = {}
    """Points that it holds for; all, if empty."""

    def of(self, old: float) -> float:
        """The room beside an old value."""
        return self.absolute + self.relative * abs(old)


NORMS = ("adjoint", "transport_frobenius", "weight_gradient", "gradient*")
"""Norms and gradients may move by their own bound alone."""


def limits(found: Iterable[Key] = ()) -> tuple[Limit, ...]:
    """What is too much of a change, by default: of every metric, and of what probes have `found`.

    Above what other versions and batch sizes change in float32 (rates: 2e-6), below what 1 % of gain does.
    The last that matches holds; logarithms, whose limits are absolute, come first.
    """
    own = [(one.logarithm, Limit(one.name, *one.limits)) for one in every() if one.limits is not None]
    known = {one.name for one in every()}
    names = dict.fromkeys(key.column for key in found if key.column not in known)
    norms = [name for name in names if any(fnmatch.fnmatchcase(name, norm) for norm in NORMS)]
    probed = [probes.named(name) for name in names if name not in norms]
    return (
        Limit("*", relative=1e-6),
        *(limit for logarithm, limit in own if logarithm),
        *(Limit(name) for name in NORMS),
        *(limit for logarithm, limit in own if not logarithm),
        *(Limit(one.name, *one.limits) for one in probed if one.limits is not None),
    )


class Change(NamedTuple):
    """A finding, and the numbers behind it."""

    finding: Finding
    mode: Mode | None
    old: float
    new: float
    limit_ratio: float
    """The change in units of what would be too much; infinite where a state changed or a side is missing."""


def limit_of(key: Key, limits: Iterable[Limit]) -> Limit:
    """The last limit that matches a number; no room at all if none does."""
    where = key._asdict()
    found = Limit("*")
    for limit in limits:
        matches = all(where.get(name) == value for name, value in limit.where.items())
        names = (key.metric, key.column)
        if matches and any(fnmatch.fnmatchcase(name, limit.metric) for name in names):
            found = limit
    return found


def finding(key: Key, status: Status, measured: float, wanted: str, sentence: str) -> Finding:
    """The finding about one number; a measured NaN is none."""
    known = measured if math.isfinite(measured) else None
    text = f"{key.metric} is what it was"
    return Finding(str(key), text, status, key.metric, key.where, known, wanted, sentence)


def paired(key: Key, before: BySeed, after: BySeed, seeds: Sequence[int], limit: Limit) -> Change:
    """Judge the same networks measured twice by the seed that has changed most."""
    limit = _widened(limit, before)
    worst: tuple[float, int, float, float] | None = None
    both = [seed for seed in seeds if seed in before.values and seed in after.values]
    for seed in both:
        old = _reached(key, before.values[seed], after.values[seed])
        new = _reached(key, after.values[seed], before.values[seed])
        if isinstance(old, str) or isinstance(new, str):
            if old != new:
                return _other_state(key, seed, old, new)
            continue
        ratio = _limit_ratio(abs(new - old), limit.of(old))
        worst = max(worst or (-1.0, seed, old, new), (ratio, seed, old, new))
    if worst is None:
        states = ", ".join(sorted({str(before.values[seed]) for seed in both}))
        said = f"{key}: {states}, as it was, in each of {len(both)} {key.repeats} (paired)"
        return Change(finding(key, "passed", math.nan, states, said), "paired", math.nan, math.nan, 0.0)
    ratio, seed, old, new = worst
    room, where = limit.of(old), f"{key.repeats[:-1]} {seed}"
    wanted = f"{old - room:.6g} to {old + room:.6g}: {old:.6g} -+ {room:.3g} ({where})"
    said = (
        f"{key}: {old:.6g} -> {new:.6g} at {where}, the largest change of {len(both)} {key.repeats} "
        f"({new - old:+.2g}, allowed -+{room:.3g}; paired)"
    )
    status: Status = "failed" if ratio > 1 else "passed"
    return Change(finding(key, status, new, wanted, said), "paired", old, new, ratio)


def _widened(limit: Limit, before: BySeed) -> Limit:
    """The limit, and what rounding may change in what was: a fault that makes chaos gives itself no room."""
    return limit._replace(absolute=limit.absolute + before.within)


def _reached(key: Key, value: Value, other: Value) -> Value:
    """A horizon beyond T beside one that is reached counts as T: rounding may tip which it is."""
    beyond = value == "undefined" and not isinstance(other, str)
    return float(key.T) if beyond and _runs_on(key) else value


def _runs_on(key: Key) -> bool:
    return named(key.metric).undefined == "beyond"


def _limit_ratio(change: float, room: float) -> float:
    return change / room if room else math.inf if change else 0.0


def _other_state(key: Key, seed: int, old: Value, new: Value) -> Change:
    was, now = (value if isinstance(value, str) else f"ok ({value:.6g})" for value in (old, new))
    said = f"{key}: {key.repeats[:-1]} {seed} was {was} and is {now} (paired; states come before values)"
    ends = [math.nan if isinstance(value, str) else value for value in (old, new)]
    return Change(finding(key, "failed", ends[1], was, said), "paired", ends[0], ends[1], math.inf)


def _at_least(series: BySeed, T: int) -> BySeed:
    """Horizons beyond T as T, where all are: the difference that is left is the least that it can be."""
    values = {seed: float(T) if value == "undefined" else value for seed, value in series.values.items()}
    return series._replace(values=values)


class _Decision(NamedTuple):
    """What a comparison by intervals comes to."""

    status: Status
    wanted: str
    said: str
    limit_ratio: float


def by_intervals(key: Key, before: BySeed, after: BySeed, limit: Limit, alpha: float) -> Change:
    """Judge different networks: only what seeds cannot explain, at level `alpha`, is a change."""
    limit = _widened(limit, before)
    sizes = len(before.values), len(after.values)
    if min(sizes) < LEAST_SEEDS:
        wanted = f"at least {LEAST_SEEDS} {key.repeats} on both sides"
        verdict = _Decision(
            "inconclusive", wanted, f"cannot be paired, and too few {key.repeats} to compare", 0.0
        )
    else:
        if {*before.states}.isdisjoint(after.states) and _runs_on(key):
            before, after = (_at_least(series, key.T) for series in (before, after))
        verdict = _states(before, after, alpha, key.repeats) or _values(
            before, after, limit, alpha, key.repeats
        )
    sentence = f"{key}: {verdict.said} (by intervals, {sizes[0]} and {sizes[1]} {key.repeats})"
    found = finding(key, verdict.status, after.mean, verdict.wanted, sentence)
    found = found._replace(text=f"{found.text}, as far as the {key.repeats} can tell")
    return Change(found, "by intervals", before.mean, after.mean, verdict.limit_ratio)


def _states(before: BySeed, after: BySeed, alpha: float, repeats: str) -> _Decision | None:
    """The verdict on states alone; None if they do not differ by more than seeds do."""
    kinds = sorted({*before.states, *after.states})
    if len(kinds) == 1:
        return None
    least = 1.0
    for kind in kinds:
        counts = [s.states.count(kind) for s in (before, after)]
        least = min(least, share_test(counts[0], len(before.states), counts[1], len(after.states)))
    was, now = _counted(before), _counted(after)
    said = f"{was} before; {now} now"
    # With two states both tables ask the same.
    if least * (len(kinds) - 1) < alpha:
        return _Decision("failed", was, said, math.inf)
    if not set(before.states) & set(after.states):
        wanted = f"more {repeats}: with so few, a state that changes in all of them may still be chance"
        return _Decision("inconclusive", wanted, said, math.inf)
    return None


def _values(before: BySeed, after: BySeed, limit: Limit, alpha: float, repeats: str) -> _Decision:
    """The verdict on the means of the seeds that have a number."""
    old, new = before.numbers, after.numbers
    if min(len(old), len(new)) < LEAST_SEEDS:
        said = f"{_counted(before)} before; {_counted(after)} now: no more than {repeats} scatter"
        return _Decision("passed", f"states that differ no more than {repeats} do", said, 0.0)
    difference, low, high, level = difference_interval(old, new, 1 - alpha)
    half, room = (high - low) / 2, limit.of(before.mean)
    failed = abs(difference) > room + half
    wanted = f"{before.mean:.6g} -+ {room:.3g}, or an interval that reaches there"
    said = (
        f"mean {before.mean:.6g} -> {after.mean:.6g}; {percent(level)} interval of the difference "
        f"{low:+.2g} to {high:+.2g}, allowed -+{room:.3g}"
    )
    if not failed and half > room:
        said += f"; a change of less than {room + half:.2g} is not seen with so few {repeats}"
    return _Decision(
        "failed" if failed else "passed", wanted, said, _limit_ratio(abs(difference), room + half)
    )


def _counted(series: BySeed) -> str:
    states = series.states
    return ", ".join(f"{kind} in {states.count(kind)} of {len(states)}" for kind in sorted(set(states)))

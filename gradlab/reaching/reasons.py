"""Why a gradient is exactly zero: what the output does when the input is moved.

One input is moved by steps of growing size, both ways along a random direction. If the output follows in
proportion, there is a derivative that the backward pass does not know: the graph was cut. If it never moves,
there is no way from that input to the output. If it moves by large steps alone, something in between is flat
there, such as a dead unit.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.reaching.models import Array, Model, quiet

STEPS = tuple(2.0**power for power in (-12, -9, -6, -3, 0, 3, 6))
"""Sizes of the steps, of the largest input; each is 8 times the one before."""
FACTOR = 8.0
TRIES = 12
"""Lags of a zero gradient that are tried before the borders between unequal ones are looked for."""
SEEN = 16.0
"""Roundings of the output that a change must have to be one of the input's."""

CUT, UNUSED, FLAT, UNKNOWN = "cut", "unused", "flat", "unknown"


class Moved(NamedTuple):
    """What moving one input does."""

    word: str
    """`cut`, `unused` or `flat`."""
    most: float
    """The largest change of the output, in roundings of it."""


def differing(model: Model) -> bool:
    """Whether runs on the same inputs differ."""
    runs = [model.value(model.xs) for _ in range(3)]
    return any(not np.array_equal(runs[0], run, equal_nan=True) for run in runs[1:])


def moved(model: Model, base: Array, t: int) -> Moved:
    """What the output does as the input of step t (from 0) is moved."""
    rng = np.random.default_rng(t)
    # Of entries of different sizes: those of equal ones may cancel in a sum.
    form = model.xs.shape[1:]
    direction = rng.choice([-1.0, 1.0], form) * rng.uniform(0.5, 1.0, form)
    size = float(np.max(np.abs(model.xs))) or 1.0
    rounding = model.format.eps * float(np.max(np.abs(base))) or model.format.tiny

    def change(step: float) -> float:
        """In roundings; of large steps the larger of both ways, since a unit may wake up in one alone."""
        ways = []
        for way in (1.0, -1.0) if step >= 1 else (1.0,):
            xs = model.xs.copy()
            xs[t] = xs[t] + way * step * size * direction
            with quiet():
                ways.append(float(np.max(np.abs(model.value(xs) - base))) / rounding)
        # An output that overflows has moved.
        return max(way if np.isfinite(way) else np.inf for way in ways)

    large = [change(step) for step in STEPS if step >= 1]
    if not any(large):
        return Moved(UNUSED, 0.0)
    changes = [change(step) for step in STEPS if step < 1] + large
    return Moved(_word(changes, sure(model)), max(changes))


def sure(model: Model) -> float:
    """Roundings of the output that a change must have for its absence elsewhere to say something."""
    return float(model.format.eps**-0.4)


def _word(changes: Sequence[float], certain: float) -> str:
    """`cut` where changes are in proportion to the steps from where they show on.

    `unknown` where all of them are so small that their rounding may hide it.
    """
    for i, (one, more) in enumerate(itertools.pairwise(changes)):
        if one > SEEN and np.isfinite(more) and FACTOR / 2 < more / one < FACTOR * 2:
            expected = [one / FACTOR ** (i - j) for j in range(i)]
            fits = all(
                max(e, c) < 4 * SEEN or e / 4 < c < 4 * e for e, c in zip(expected, changes, strict=False)
            )
            return CUT if fits else FLAT
    return FLAT if max(changes) > certain else UNKNOWN


def reasons(model: Model, zero: NDArray[np.bool_]) -> tuple[dict[int, str], set[int]]:
    """A word for each lag whose gradient is zero, and the lags that were tried; `zero` is by lag.

    All are tried if they are few. Else evenly spaced ones are, and then, between neighbours that differ, the
    border is looked for; what lies between equal neighbours is taken to be as they are.
    """
    lags = np.flatnonzero(zero).tolist()
    if not lags:
        return {}, set()
    if differing(model):
        return dict.fromkeys(lags, UNKNOWN), set()
    T, base = len(model.xs), model.value(model.xs)
    known: dict[int, Moved] = {}

    def at(lag: int) -> Moved:
        if lag not in known:
            known[lag] = moved(model, base, T - 1 - lag)
        return known[lag]

    words = _spread(lags, lambda lag: at(lag).word)
    tried = sorted(known)
    still = [lag for lag in tried if words[lag] == UNUSED]
    for lag in still:
        control = _control(lag, words)
        # Where the output hardly feels the nearest lag that it does feel, its silence says nothing.
        if control is not None and (words.get(control) == UNKNOWN or at(control).most < sure(model)):
            words[lag] = UNKNOWN
    for lag in lags:
        if lag not in tried and words[lag] == UNUSED:
            words[lag] = words[min(still, key=lambda other: abs(other - lag))]
    return words, set(tried)


def _spread(lags: Sequence[int], ask: Callable[[int], str]) -> dict[int, str]:
    ends = [
        i
        for i, lag in enumerate(lags)
        if lag - 1 not in lags[i - 1 : i] or lag + 1 not in lags[i + 1 : i + 2]
    ]
    places = np.unique(np.linspace(0, len(lags) - 1, min(len(lags), TRIES)).round().astype(int)).tolist()
    asked = sorted({*places, *ends[:TRIES]})
    for low, high in zip(asked.copy(), asked[1:], strict=False):
        while high - low > 1 and ask(lags[low]) != ask(lags[high]):
            middle = (low + high) // 2
            asked.append(middle)
            low, high = (middle, high) if ask(lags[middle]) == ask(lags[low]) else (low, middle)
    asked = sorted(set(asked))
    nearest = np.abs(np.subtract.outer(np.arange(len(lags)), asked)).argmin(axis=1)
    return {lag: ask(lags[asked[place]]) for lag, place in zip(lags, nearest.tolist(), strict=True)}


def _control(lag: int, words: dict[int, str]) -> int | None:
    """The nearest lag before this one that the output feels, by its gradient or by being moved."""
    return next((other for other in range(lag - 1, -1, -1) if words.get(other) != UNUSED), None)

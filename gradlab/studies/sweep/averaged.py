"""Several sequences of one network put together: means of log norms, and the norm of their mean gradient."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.profiles import bound
from gradlab.recurrence.scaled import log10_norm
from gradlab.recurrence.together import OfMean
from gradlab.recurrence.zeros import Zeros, told_apart
from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep.arrays import collect_gradient
from gradlab.studies.sweep.program import GRADIENT, GRADIENT_AXES, SHIFT, Measured
from gradlab.studies.sweep.single import Columns, Extras

Array = NDArray[Any]
SEQUENCES = "sequences"
"""The column that says how many have a lag; after a column's name, how many its mean is over."""
OF_MEAN = "of_mean"
"""After the name of a gradient: of the mean gradient, where the plain name is a mean of log norms."""
DIGITS = 100
"""A mean that its parts cancel to less than so many times its error is not given."""


class Pooled(NamedTuple):
    """The mean over sequences, its state, and how many it is over."""

    value: Array
    state: Array
    sequences: Array


def pooled(values: Array, states: Array) -> Pooled:
    """The means over the first axis of what is ok.

    A sequence that is undefined somewhere (it has not that lag) is not counted there. One that is zero is in
    no mean of logarithms; where all are, the mean is. One that is not known leaves the mean unknown.
    """
    ok, zero = states == OK, (states == EXACT_ZERO) | (states == BELOW_PRECISION)
    count = ok.sum(0)
    mean = np.where(ok, values, 0).sum(0) / np.maximum(count, 1)
    some = {code: (states == code).any(0) for code in (FORWARD_NONFINITE, BACKWARD_NONFINITE, NOT_COMPUTED)}
    rounded = (states == BELOW_PRECISION).any(0)
    first = [*some.values(), count > 0, rounded, zero.any(0)]
    codes = [*some, OK, BELOW_PRECISION, EXACT_ZERO]
    state = np.select(first, codes, UNDEFINED).astype(np.int8)
    return Pooled(np.where(state == OK, mean, np.nan), state, np.where(state == OK, count, 0))


def of_columns(each: Sequence[Columns]) -> tuple[Columns, Extras]:
    """The columns of one network over its sequences, and where a mean is over fewer than have the lag."""
    columns: Columns = {}
    counts: Extras = {}
    for name in each[0]:
        values, states = (np.stack([own[name][i][0, 0, 0, 0] for own in each]) for i in (0, 1))
        found = pooled(values, states)
        columns[name] = _alone(found.value), _alone(found.state)
        axes = ("lag", "part") if values.ndim == 3 and name != "transport" else ("lag",)
        whole = (slice(None), 0) if values.ndim == 3 and name == "transport" else ()
        counts |= counted(name, axes, states[(slice(None), *whole)], found.sequences[whole])
    return columns, counts


def counted(name: str, axes: tuple[str, ...], states: Array, count: Array) -> Extras:
    """How many sequences the mean of a column is over, if fewer than have the lag anywhere."""
    if not ((count > 0) & (count < (states != UNDEFINED).sum(0))).any():
        return {}
    return {f"{name}_{SEQUENCES}": (axes, *_numbers(count))}


def having(lengths: NDArray[np.int32]) -> Extras:
    """How many sequences have each lag: from their last step to their initial state."""
    lags = np.arange(lengths.max() + 1)
    return {SEQUENCES: (("lag",), *_numbers((lengths[:, None] >= lags).sum(0)))}


def of_scalars(found: Measured, zeros: Zeros | None, linear: bool) -> Extras:
    """What has no axis of lags: the largest shift, and the means of the gradients' log norms."""
    shift = np.asarray(found.shift, np.float64).max()
    code = np.int8(UNDEFINED if np.isnan(shift) else OK)
    extras: Extras = {SHIFT: ((), _alone(shift), _alone(code))}
    if found.gradient is None:
        return extras
    gradient = jax.tree.map(lambda leaf: np.asarray(leaf)[None], found.gradient)
    arrays = collect_gradient(gradient, np.asarray(found.nonfinite)[None], linear)
    state = arrays[f"{GRADIENT}_state"]
    if zeros is not None and zeros.gradient is not None:
        defined = np.asarray(np.asarray(zeros.gradient).all(axis=0))
        state = told_apart(state, defined[None])
    return extras | {
        name: (axes, _alone(arrays[name][0]), _alone(state[0])) for name, axes in GRADIENT_AXES.items()
    }


def of_mean(
    found: Measured,
    mean: OfMean | None,
    columns: Columns,
    extras: Extras,
    each: Sequence[Columns],
    linear: bool,
) -> Extras:
    """The norms of the mean gradient by lag and by leaf.

    They are not computed where the sequences cancel so far that less than two digits are left of the mean.
    """
    if mean is None or found.gradient is None:
        return {}
    together = Together(
        log10_norm(mean.by_lag),
        np.asarray(mean.lost),
        log10_norm(mean.gradient.norm),
        np.asarray(mean.gradient.projection, np.float64),
    )
    apart = Apart(
        np.stack([own["weight_gradient"][0][0, 0, 0, 0] for own in each]),
        columns["weight_gradient"][1][0, 0, 0, 0],
        log10_norm(found.gradient.norm),
        extras[GRADIENT][2][0, 0, 0, 0],
        bool((np.asarray(found.nonfinite) > 0).any()),
    )
    told = of_norms(together, apart, str(np.asarray(mean.by_lag.square).dtype), linear)
    return {name: (axes, _alone(value), _alone(code)) for name, (axes, value, code) in told.items()}


class Together(NamedTuple):
    """The norms of a mean gradient, as log10: by lag, of the recurrent weights, and by leaf of all."""

    by_lag: Array
    lost: Array
    """Where a number of that may be lost to its format."""
    leaves: Array
    projection: Array


class Apart(NamedTuple):
    """The same of each sequence, and the states of the means of these logarithms."""

    by_lag: Array
    """(sequences, lag), one lag more."""
    by_lag_state: Array
    leaves: Array
    leaves_state: Array
    broken: bool
    """Whether the forward pass of any is not finite."""


def of_norms(mean: Together, each: Apart, precision: str, linear: bool) -> Extras:
    """The columns of a mean gradient, without axes of a network; errors and zeros as of `of_mean`."""
    error = DIGITS * bound(precision, len(mean.lost))
    by_lag = np.append(mean.by_lag, np.nan)
    lost = np.logical_or(np.append(mean.lost, [False]), _cancelled(by_lag, each.by_lag, error))
    code = _of_mean(by_lag, each.by_lag_state, lost, each.broken, linear)
    code[-1] = UNDEFINED
    less = _cancelled(mean.leaves, each.leaves, error)
    fewer = _of_mean(mean.leaves, each.leaves_state, less, each.broken, linear)
    leaves, projection = (np.where(fewer == OK, values, np.nan) for values in (mean.leaves, mean.projection))
    return {
        f"weight_gradient_{OF_MEAN}": (("lag",), np.where(code == OK, by_lag, np.nan), code),
        f"{GRADIENT}_{OF_MEAN}": (("leaf",), leaves, fewer),
        f"{GRADIENT}_projection_{OF_MEAN}": (("leaf",), projection, fewer),
    }


def _of_mean(log: Array, of_each: Array, lost: Any, broken: bool, linear: bool) -> Array:
    """The states of norms of a mean, beside those of the means of log norms."""
    zero = np.isneginf(log)
    by_all = (of_each == EXACT_ZERO) | (of_each == BELOW_PRECISION)
    unknown = np.isnan(log)
    forward = broken & (unknown | (not linear))
    state: Array = np.where(zero & by_all, of_each, np.where(zero | lost, NOT_COMPUTED, OK))
    state = np.where(forward, FORWARD_NONFINITE, np.where(unknown, BACKWARD_NONFINITE, state))
    return state.astype(np.int8)


def _cancelled(mean: Array, each: Array, error: float) -> Array:
    """Whether the mean's norm is below `error` times the mean of the norms; all as log10."""
    alive = np.isfinite(each)
    top = np.where(alive, each, -np.inf).max(0)
    there = np.isfinite(top)
    with np.errstate(invalid="ignore", under="ignore"):
        sizes = np.where(alive, 10.0 ** np.where(alive, each - np.where(there, top, 0), 0), 0).sum(0)
        less = mean < np.log10(error) + np.where(there, top, 0) + np.log10(np.maximum(sizes, 1) / len(each))
    found: Array = there & np.isfinite(mean) & less
    return found


def _numbers(count: Array) -> tuple[Array, Array]:
    return _alone(count.astype(np.float64)), _alone(np.full(count.shape, OK, np.int8))


def _alone(array: Any) -> Array:
    """Of one network, on the axes (init, w_rec, T, seed)."""
    return np.asarray(array)[None, None, None, None]


def facts(lengths: Any, nonfinite: Any) -> dict[str, str]:
    """What is said of a batch: over what the means are, and whose forward pass broke where."""
    said, broken = {"averaged": _averaged(lengths)}, np.flatnonzero(nonfinite)
    if len(broken):
        told = [f"xs[{i}] from step {nonfinite[i]}" for i in broken[:6]]
        more = ", ..." * (len(broken) > 6)
        said["broken"] = f"the forward pass is not finite: {', '.join(told)}{more}"
    return said


def _averaged(lengths: Any) -> str:
    """Over what the means are, in words."""
    count, least, most = len(lengths), int(lengths.min()), int(lengths.max())
    if count == 1:
        return f"one sequence of {most} steps"
    if least == most:
        return f"means over {count} sequences of {most} steps"
    return (
        f"means over {count} sequences of {least} to {most} steps, beyond lag {least} over those that have it"
    )

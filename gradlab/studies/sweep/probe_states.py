"""The columns of a probe as values and states: norms as log10, means over sequences."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab import probes, registry
from gradlab.recurrence.scaled import Norm, log10_norm
from gradlab.recurrence.zeros import told_apart
from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep import declared

Pair = tuple[NDArray[np.float64], NDArray[np.int8]]
Columns = dict[str, Any]


def values(
    probe: str,
    columns: Columns,
    again: Callable[[], Columns],
    broken: NDArray[Any],
    length: int,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Pair]:
    """Each column as values and states, (network, ...), axes cut to `sizes`; sequences are averaged.

    Norms become log10, averaged as such. `broken` marks the networks whose forward pass is not finite. Where
    a norm is zero, `again` gives the columns of derivatives that are zero only by definition. A `Norm` of an
    infinite square is that of a derivative that is not finite.
    """
    columns, marks = probes.marked(columns)
    overflown = {
        name: np.isposinf(column.square).any(1)
        for name, column in columns.items()
        if isinstance(column, Norm)
    }
    found = {name: _numbers(column, declared.axes(probe)[name], length) for name, column in columns.items()}
    hidden = {name: np.asarray(marks.get(name, False)) for name in found}
    found = {name: np.where(hidden[name], np.nan, value) for name, value in found.items()}
    norms = declared.plain_norms(probe)
    zeros = {name: value == 0 if name in norms else np.isneginf(value) for name, value in found.items()}
    defined: dict[str, NDArray[Any]] = {}
    if any(zero.any() for zero in zeros.values()):
        defined = _defined(probe, again, found, length)
    pairs = {}
    for name, value in found.items():
        meant = zeros[name] & (defined[name] == value) if defined else zeros[name]
        if name in norms:
            value = np.where(zeros[name] & ~meant, -np.inf, value)
        mean, state = _pooled(value, meant, broken, np.broadcast_to(hidden[name], value.shape))
        if defined:
            # A second run that has no number there decides nothing.
            state[np.isnan(defined[name]).any(1) & (state == BELOW_PRECISION)] = NOT_COMPUTED
        if name in overflown:
            state[overflown[name] & (state != FORWARD_NONFINITE)] = BACKWARD_NONFINITE
        cut = (slice(None), *(slice(sizes.get(label)) for label in declared.axes(probe)[name]))
        pairs[name] = np.where(state == OK, mean, np.nan)[cut], state[cut]
    return pairs


def _defined(
    probe: str, again: Callable[[], Columns], found: dict[str, NDArray[Any]], length: int
) -> dict[str, NDArray[Any]]:
    """The columns of the second run; NaN, not known, for another package's probe that cannot do it."""
    try:
        columns, _ = probes.marked(again())
        return {
            name: _numbers(column, declared.axes(probe)[name], length) for name, column in columns.items()
        }
    except Exception:
        if not registry.is_foreign("probes", probe):
            raise
        return {name: np.full(value.shape, np.nan) for name, value in found.items()}


def _numbers(column: Any, own: Sequence[str], length: int) -> NDArray[Any]:
    """A column by (network, sequence, ...), norms as log10, NaN beyond the last lag."""
    if not isinstance(column, Norm):
        return np.asarray(column, np.float64)
    value = log10_norm(column)
    for axis, label in enumerate(own, start=2):
        if label == "lag":
            beyond = np.arange(value.shape[axis]) > length
            value = np.where(beyond.reshape(-1, *(1,) * (value.ndim - axis - 1)), np.nan, value)
    return value


def _pooled(value: NDArray[Any], meant: NDArray[Any], broken: NDArray[Any], hidden: NDArray[Any]) -> Pair:
    """The mean over sequences and its state; a network's is zero where all its sequences are.

    `meant` marks what is zero by definition, `hidden` what rounding hides: the others have another mean.
    """
    zero = np.isneginf(value).all(1)
    with np.errstate(invalid="ignore"):
        some = np.where(np.isneginf(value), np.nan, value)
        count = (~np.isnan(some)).sum(1)
        mean = np.where(count > 0, np.nansum(some, axis=1) / np.maximum(count, 1), np.nan)
    state = np.where(zero, EXACT_ZERO, np.where(np.isnan(mean), UNDEFINED, OK)).astype(np.int8)
    state = told_apart(state, np.asarray(meant.all(1)))
    state = np.where(hidden.any(1), NOT_COMPUTED, state)
    lost = broken.reshape(-1, *(1,) * (state.ndim - 1)) & (state != UNDEFINED)
    return mean, np.where(lost, FORWARD_NONFINITE, state).astype(np.int8)

"""What a program gives, as log10 norms and the state of each: sequences averaged, zeros explained."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.recurrence import platforms
from gradlab.recurrence.objectives import ObjectiveName
from gradlab.recurrence.projections import Gradient
from gradlab.recurrence.scaled import NOT_CERTIFIED, Norm, log10_norm
from gradlab.recurrence.zeros import told_apart
from gradlab.states import (
    BACKWARD_NONFINITE,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep.program import Networks, block, zeros_program


def collect(
    column: Norm, nonfinite: NDArray[Any], linear: bool, length: int, lags: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A column as (log10, state), each (networks, lags, ...): NaN and a state wherever it is not ok.

    Sequences of a network are averaged as logarithms, over those with an ok value; a network is exactly zero
    where all of them are. A state that is not finite spoils the Jacobians of all steps, but for a linear
    cell, whose Jacobians never look at it; a derivative that is not finite spoils what lies further back.
    """
    column = Norm(column.square[:, :, :lags], column.exponent[:, :, :lags])
    log = log10_norm(column)
    forward = np.zeros(log.shape, bool)
    if not linear:
        forward |= (nonfinite > 0).reshape(nonfinite.shape + (1,) * (log.ndim - 2))
    unknown = np.asarray(column.square) == NOT_CERTIFIED
    backward = np.isnan(log) & ~unknown
    # What a linear cell still loses to an overflow reads the states: the weight gradient.
    forward |= backward & (nonfinite > 0).reshape(nonfinite.shape + (1,) * (log.ndim - 2))
    zero = np.isneginf(log)
    fine = ~(forward | unknown | backward | zero)
    count = fine.sum(1)
    mean = np.where(fine, log, 0).sum(1) / np.maximum(count, 1)
    first = [forward.any(1), backward.any(1), unknown.any(1), count == 0]
    codes = [FORWARD_NONFINITE, BACKWARD_NONFINITE, NOT_COMPUTED, EXACT_ZERO]
    state = np.select(first, codes, OK).astype(np.int8)
    state[:, np.arange(state.shape[1]) > length] = UNDEFINED
    return np.where(state == OK, mean, np.nan), state


def collect_gradient(gradient: Gradient, nonfinite: NDArray[Any], linear: bool) -> dict[str, NDArray[Any]]:
    """The gradients of all weights, (networks, leaf): log10 of the norm, projection, the state of both."""
    norm = Norm(*(leaf[:, :, None] for leaf in gradient.norm))
    value, state = (found[:, 0] for found in collect(norm, nonfinite, linear, 0, 1))
    alive = np.isfinite(gradient.norm.square) & (gradient.norm.square > 0)
    count = np.maximum(alive.sum(1), 1)
    projection = np.where(alive, gradient.projection, 0).astype(np.float64).sum(1) / count
    projection = np.where(state == OK, projection, np.nan)
    return {"gradient": value, "gradient_state": state, "gradient_projection": projection}


def zeros_told_apart(
    cell: Any, name: ObjectiveName, networks: Networks, length: int, states: dict[str, NDArray[Any]]
) -> tuple[dict[str, NDArray[Any]], bool]:
    """The states of each column, (networks, lags, ...), zeros of rounding told from those by definition.

    A network is run again only if it has a zero, `block()` at a time; and whether one was.
    """
    still = np.stack([at_rest(leaf) for leaf in jax.tree.leaves(networks.state)]).all(axis=0)
    has = np.stack([puzzling(column, code, still, length) for column, code in states.items()])
    some = np.flatnonzero(has.any(axis=0))
    found = {name_: code.copy() for name_, code in states.items()}
    size = block()
    for at in np.split(some, range(size, len(some), size)) if len(some) else ():
        filled = np.concatenate([at, np.repeat(at[-1:], size - len(at))])
        few = jax.tree.map(lambda leaf, filled=filled: leaf[filled], networks)
        with platforms.host():
            zeros = zeros_program(cell, name)(few, jnp.int32(length))
        for column, code in found.items():
            # A network is zero where all its sequences are.
            zero = np.asarray(np.asarray(getattr(zeros, column)).all(axis=1))[: len(at), : code.shape[1]]
            short = ((0, 0), (0, code.shape[1] - zero.shape[1]), *(((0, 0),) * (zero.ndim - 2)))
            code[at] = told_apart(code[at], np.pad(zero, short))
    return found, len(some) > 0


def at_rest(leaf: Any) -> NDArray[np.bool_]:
    """Whether each network's part of the initial state is 0."""
    zero: NDArray[np.bool_] = (np.asarray(leaf) == 0).reshape(len(leaf), -1).all(axis=1)
    return zero


def puzzling(column: str, code: NDArray[Any], still: Any, length: int) -> NDArray[np.bool_]:
    """Whether each network of a column, (networks, lags, ...), has a zero that needs an explanation.

    The recurrent weights multiply a state of zeros (`still`) in the first step: their gradient is zero there.
    """
    zero = code == EXACT_ZERO
    if column == "weight_gradient" and length <= zero.shape[1]:
        zero = zero.copy()
        zero[still, length - 1] = False
    found: NDArray[np.bool_] = zero.reshape(len(zero), -1).any(axis=1)
    return found

"""What a memory does with gradients: transport through a unit, and how far back a prediction reaches."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab.profiles import SOFT, fall, stored_states
from gradlab.recurrence.scaled import log10_norm, norms, rescale
from gradlab.studies.remedies.networks import Setting, Weights

Tree = Any
LAGS, PLACES = 200, 32
"""Characters that a prediction is followed back, and predictions that are."""
STEPS, FEW = 100, 16
"""Steps that the memory is followed on, and places where it is."""
LEFT, RIGHT = 0.1, 0.9
"""A gate below or above is saturated, as in Karpathy, Johnson and Li 2015."""


def influence(
    setting: Setting, weights: Weights, states: Tree, codes: NDArray[np.int32]
) -> NDArray[np.float64]:
    """log10 |d logit_t / d x_{t - lag}| of the most probable next character, by (place, lag).

    Each row of `codes`, `LAGS` + 1 characters, is read from a state of its own; t is its last character.
    """
    return log10_norm(program(setting)(weights, states, jnp.asarray(codes)))


def reach(log: NDArray[np.float64]) -> float:
    """The lag by which a prediction's gradient has fallen by 10^3, median over places; NaN beyond all."""
    lags = fall(log, stored_states(log), SOFT).value
    middle = float(np.median(np.where(np.isnan(lags), np.inf, lags)))
    return middle if np.isfinite(middle) else float("nan")


@functools.cache
def program(setting: Setting) -> Any:
    """`(weights, states, codes) -> norms` by (place, lag), of `influence`."""
    cell, symbols = setting.cell, setting.task.symbols

    def one(weights: Weights, state: Tree, codes: Array) -> Any:
        xs = jax.nn.one_hot(codes, symbols, dtype=weights.b_out.dtype)
        step: Any = lambda state, x: cell.step(weights.cell, state, x)
        last, before = jax.lax.scan(lambda state, x: (step(state, x), state), state, xs)
        best = jnp.argmax(weights.w_out @ cell.readout(last) + weights.b_out)
        logit: Any = lambda state: (weights.w_out @ cell.readout(state))[best]
        sent = jax.grad(logit)(last)

        def back(carry: Any, item: tuple[Tree, Array]) -> tuple[Any, Any]:
            _, pull = jax.vjp(step, *item)
            of_state, of_x = pull(carry.value)
            # Rescaled, so that neither the adjoint nor its square underflows.
            return rescale(of_state, carry.exponent), jax.tree.map(
                lambda leaf: leaf[0], norms(rescale(of_x, carry.exponent))
            )

        return jax.lax.scan(back, rescale(sent), (before, xs), reverse=True)[1]

    def run(weights: Weights, states: Tree, codes: Array) -> Any:
        found = jax.vmap(one, (None, 0, 0))(weights, states, codes)
        return jax.tree.map(lambda leaf: leaf[:, ::-1], found)

    return jax.jit(run)


def transport(
    setting: Setting, weights: Weights, states: Tree, codes: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The lag at which |d memory_k(t + lag) / d memory_k(t)| has fallen to 1/2, median over places, by unit.

    All ways are counted, through the other units too. Infinite where it has not within `STEPS`.
    """
    kept = np.abs(np.asarray(_transport(setting)(weights, states, jnp.asarray(codes)), np.float64))
    low = kept <= 0.5
    lags = np.where(low.any(axis=1), low.argmax(axis=1) + 1.0, np.inf)
    found: NDArray[np.float64] = np.median(lags, axis=0)
    return found


@functools.cache
def _transport(setting: Setting) -> Any:
    cell, symbols, name = setting.cell, setting.task.symbols, setting.cell.memory

    def one(weights: Weights, state: Tree, codes: Array) -> Array:
        xs = jax.nn.one_hot(codes, symbols, dtype=weights.b_out.dtype)

        def along(memory: Array) -> Array:
            def step(state: Tree, x: Array) -> tuple[Tree, Array]:
                state = cell.step(weights.cell, state, x)
                return state, getattr(state, name)

            found: Array = jax.lax.scan(step, state._replace(**{name: memory}), xs)[1]
            return found

        def unit(direction: Array, k: Array) -> Array:
            _, moved = jax.jvp(along, (getattr(state, name),), (direction,))
            found: Array = moved[:, k]
            return found

        count = setting.hidden
        found: Array = jax.vmap(unit, out_axes=1)(jnp.eye(count, dtype=xs.dtype), jnp.arange(count))
        return found

    return jax.jit(jax.vmap(one, (None, 0, 0)))


def half_lives(gate: NDArray[np.float32]) -> NDArray[np.float64]:
    """Steps until the openings of the carry gate, multiplied, are at 1/2: median over characters, by unit.

    Infinite where, of most characters, they have not by the end of the text. A mean of log f would be that
    of the few characters that erase a memory.

    >>> half_lives(np.full((4, 1), 0.5, np.float32)).tolist()
    [1.0]
    """
    with np.errstate(divide="ignore"):
        lost = -np.log2(np.maximum(gate.astype(np.float64), np.finfo(np.float64).tiny))
    found = np.empty(gate.shape[1])
    for k, column in enumerate(lost.T):
        total = np.concatenate([[0.0], np.cumsum(np.maximum(column, 0))])
        # So that rounding in the sum does not make a step of an exact half.
        at = np.searchsorted(total, total[:-1] + (1 - 1e-6))
        steps = np.where(at < len(total), at - np.arange(len(column)), np.inf)
        found[k] = np.median(steps)
    return found


def saturated(gate: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of characters at which a gate is below `LEFT` and above `RIGHT`, by unit."""
    return (gate < LEFT).mean(axis=0), (gate > RIGHT).mean(axis=0)

"""How much of the past input can be read off the state, by a linear readout."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from gradlab.recurrence.scan import scan
from gradlab.types import ProbeContext, Step

AXES = {"memory_function": ("delay",), "memory_capacity": ()}
FACTS = {
    "memory_function": {
        "meaning": "Squared correlation of a linear readout with the input so many steps ago, less chance, "
        "summed over inputs",
        "unit": "r^2",
        "heading": "recall",
    },
    "memory_capacity": {
        "meaning": "Short-term memory capacity, the sum of the memory function over its delays",
        "unit": "delays",
        "heading": "capacity",
    },
}
ENOUGH = 2
"""Steps that are fitted, and steps that judge the fit, must each be so many times the readout's numbers."""


class Columns(NamedTuple):
    """Undefined where the sequence is too short, the input does not vary or a state is not finite."""

    memory_function: Float[Array, " delay"]
    """r^2(k), k = 0, 1, ..: summed over inputs; freed of chance, so that nothing left scatters around 0."""
    memory_capacity: Float[Array, ""]
    """Their sum."""
    hidden: dict[str, Bool[Array, "..."]]
    """Where the input varies, and its square is below the smallest number of its precision."""


def check(*, delays: int = 0) -> None:
    """Raise ValueError for settings that are not possible."""
    if delays < 0:
        raise ValueError(f"delays={delays} must be 0 (4 N) or more")


def shortest(units: int, *, delays: int = 0) -> dict[str, int]:
    """The least T that a column has a value at, of a readout of so many numbers."""
    return dict.fromkeys(AXES, (delays or 4 * units) + 2 * ENOUGH * (units + 1))


def memory_capacity(
    step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext, *, delays: int = 0
) -> Columns:
    """Short-term memory capacity: how well linear readouts of the state recall white input.

    MC = sum_k r^2(k),   r^2(k) = corr(w_k h_t + b_k, u_{t-k})^2,   k = 0 .. delays - 1

    Of N numbers in the readout h_t it is at most N; N for a delay line, and for a linear reservoir that
    forgets. w_k is fitted by least squares on one half of the steps t >= delays and judged on the other;
    what n steps would show of nothing, 1/(n - 1), is taken off each r^2. A sequence has at least
    delays + 4 (N + 1) steps. The fit costs some of it and chance moves it: of a linear reservoir of radius
    0.9 it is low by about 4 N/T, relatively, and scatters by 1.4/sqrt(T). What lies beyond the last delay
    is missing, and directions of the state below its precision are not read: reservoirs that forget fast
    show more in float64.

    delays: how many; 0 for 4 N.

    Reference: Jaeger 2001, Short term memory in echo state networks; he counts from k = 1.
    """
    check(delays=delays)
    readout = (lambda state: state) if setup.cell is None else setup.cell.readout

    def body(state: Any, x: Any, t: Any) -> tuple[Any, Any]:
        del t
        state = step(params, state, x)
        return state, jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(readout(state))])

    _, hidden = scan(body, state, xs, setup.length)
    inputs = jnp.concatenate([jnp.reshape(leaf, (len(leaf), -1)) for leaf in jax.tree.leaves(xs)], axis=1)
    inputs, (capacity, units) = inputs.astype(hidden.dtype), hidden.shape
    count = delays or 4 * units
    steps = jnp.arange(capacity)
    past = steps[:, None] - jnp.arange(count)[None]
    wanted = jnp.where((past >= 0)[..., None], inputs[jnp.maximum(past, 0)], 0).reshape(capacity, -1)
    half = (jnp.asarray(setup.length, int) - count) // 2
    fit, judge = (
        ((steps >= count + i * half) & (steps < count + (i + 1) * half)).astype(hidden.dtype)[:, None]
        for i in (0, 1)
    )
    hidden = jnp.where(fit + judge > 0, hidden, 0)
    finite = jnp.isfinite(hidden).all()
    hidden = hidden / jnp.where((peak := jnp.abs(hidden).max()) > 0, peak, 1)
    weights = _least_squares(_centred(hidden, fit), _centred(wanted, fit))
    asked = _centred(wanted, judge)
    score = _squared_correlation(_centred(hidden, judge) @ weights, asked)
    number = half.astype(score.dtype)
    score = (score * (number - 1) - 1) / (number - 2)
    known = (half >= ENOUGH * (units + 1)) & finite
    score = jnp.where(known, score.reshape(count, -1).sum(axis=1), jnp.nan)
    small = ((asked != 0).any(axis=0) & ((asked**2).sum(axis=0) == 0)).reshape(count, -1).any(axis=1) & known
    return Columns(score, score.sum(), {"memory_function": small, "memory_capacity": small.any()})


def _centred(rows: Float[Array, "T n"], weight: Float[Array, "T 1"]) -> Float[Array, "T n"]:
    """The rows of weight 1 without their mean; zeros elsewhere."""
    mean = (weight * rows).sum(axis=0) / jnp.maximum(weight.sum(), 1)
    return weight * (rows - mean[None])


def _least_squares(given: Float[Array, "T N"], wanted: Float[Array, "T K"]) -> Float[Array, "N K"]:
    """By singular values, without those that are rounding."""
    u, s, v = jnp.linalg.svd(given, full_matrices=False)
    kept = s > s.max() * given.shape[1] * float(np.finfo(given.dtype).eps)
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)
    return v.T @ (inverse[:, None] * (u.T @ wanted))


def _squared_correlation(said: Float[Array, "T K"], wanted: Float[Array, "T K"]) -> Float[Array, " K"]:
    """Of columns without mean; 0 for one that says nothing, NaN where nothing is wanted."""
    inner, own, target = (said * wanted).sum(0), (said**2).sum(0), (wanted**2).sum(0)
    return jnp.where(own > 0, inner**2 / (jnp.where(own > 0, own, 1) * target), 0 / target)

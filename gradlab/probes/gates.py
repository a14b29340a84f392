"""How open each gate is, how often it is stuck, and how long the memory keeps what it holds."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.forward import log_of, one, times
from gradlab.recurrence.scan import scan
from gradlab.types import ProbeContext, Step

AXES = {
    "opening": ("step", "gate"),
    "left_saturated": ("step", "gate"),
    "right_saturated": ("step", "gate"),
    "time_left_saturated": ("gate", "unit"),
    "time_right_saturated": ("gate", "unit"),
    "retention_half_life": ("unit",),
}
FACTS = {
    "opening": {"meaning": "Opening of a gate, the mean over units", "heading": "opening"},
    "left_saturated": {
        "meaning": "Share of units whose gate is below 0.1",
        "heading": "left",
    },
    "right_saturated": {
        "meaning": "Share of units whose gate is above 0.9",
        "heading": "right",
    },
    "time_left_saturated": {
        "meaning": "Share of steps in which the gate of a unit is below 0.1",
        "heading": "time left",
    },
    "time_right_saturated": {
        "meaning": "Share of steps in which the gate of a unit is above 0.9",
        "heading": "time right",
    },
    "retention_half_life": {
        "meaning": "Steps after which the gates have halved what a unit has stored",
        "unit": "steps",
        "heading": "half-life",
    },
}
LEFT, RIGHT = 0.1, 0.9
"""A gate below the first is left-saturated (shut), above the second right-saturated (open)."""
NONE = "none"
"""The one gate of a cell that has no gates; all its numbers are NaN."""


class Columns(NamedTuple):
    """Shares between 0 and 1."""

    opening: Float[Array, "step gate"]
    """The mean over units."""
    left_saturated: Float[Array, "step gate"]
    """The share of units."""
    right_saturated: Float[Array, "step gate"]
    time_left_saturated: Float[Array, "gate unit"]
    """The share of steps."""
    time_right_saturated: Float[Array, "gate unit"]
    retention_half_life: Float[Array, " unit"]
    """In steps; infinite where the gate never shuts by as much as rounding shows."""


def names(cell: Any, params: Any, state: Any, x: Any) -> tuple[str, ...]:
    """What the entries of the axis `gate` are called: the gate_values in alphabetical order, or `none`."""
    if cell is None:
        return (NONE,)
    return tuple(sorted(jax.eval_shape(cell.gate_values, params, state, x))) or (NONE,)


def gates(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """Openings of the cell's gates in the steps 1..T, each from state_{t-1} and the input of step t.

    half-life = -ln 2 / (mean over t of ln keep_t)

    of each unit's memory, from the gate that the cell says multiplies it (`carry_gate`): after so many steps
    the factor that the gates alone put on what was stored is 1/2. NaN for a cell without such a gate, and all
    columns are NaN for a cell without gates, whose `gate` axis has one entry.

    Reference: Karpathy, Johnson, Fei-Fei 2015, Visualizing and understanding recurrent networks.
    """
    first = jax.tree.map(lambda leaf: leaf[0], xs)
    which = names(setup.cell, params, state, first)
    if which == (NONE,):
        return _undefined(state, len(jax.tree.leaves(xs)[0]), setup)

    def gate_values(state: Any, x: Any) -> Any:
        found = setup.cell.gate_values(params, state, x)
        return jnp.stack([found[name] for name in which])

    form = jax.eval_shape(gate_values, state, first)
    carry_gate = setup.cell.carry_gate
    kept = which.index(carry_gate) if carry_gate is not None else None

    def body(carry: tuple[Any, Any, Any, Any], x: Any, t: Any) -> tuple[Any, Any]:
        state, shut, wide, held = carry
        opening = gate_values(state, x)
        left, right = (opening < LEFT).astype(form.dtype), (opening > RIGHT).astype(form.dtype)
        held = held if kept is None else times(held, opening[kept])
        seen = opening.mean(axis=1), left.mean(axis=1), right.mean(axis=1)
        return (step(params, state, x), shut + left, wide + right, held), seen

    none = jnp.zeros(form.shape, form.dtype)
    start = state, none, none, one(form.shape[1:], form.dtype)
    (_, shut, wide, held), (mean, left, right) = scan(body, start, xs, setup.length)
    steps = jnp.asarray(setup.length, form.dtype)
    if kept is None:
        half_life = jnp.full(form.shape[1:], jnp.nan, form.dtype)
    else:
        half_life = -jnp.log(jnp.asarray(2, form.dtype)) * steps / log_of(held)
    # A gate that is never below 1 forgets nothing: +inf, not the -inf of a division by 0.
    return Columns(mean, left, right, shut / steps, wide / steps, jnp.abs(half_life))


def _undefined(state: Any, capacity: int, setup: ProbeContext) -> Columns:
    hidden = state if setup.cell is None else jax.eval_shape(setup.cell.readout, state)
    leaves = jax.tree.leaves(hidden)
    units, dtype = sum(leaf.size for leaf in leaves), leaves[0].dtype
    by_step, by_unit = (jnp.full(shape, jnp.nan, dtype) for shape in ((capacity, 1), (1, units)))
    return Columns(by_step, by_step, by_step, by_unit, by_unit, by_unit[0])

"""How many units have stopped responding: near their bound, or with a Jacobian row that is small or zero."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.forward import with_jacobian
from gradlab.recurrence.scan import scan
from gradlab.recurrence.zeros import by_definition
from gradlab.types import ProbeContext, Step

AXES = {"near_bound": ("step",), "small_derivative": ("step",), "dead": ("step",)}
FACTS = {
    "near_bound": {
        "meaning": "Share of the readout's units beyond 0.9, where 1 is their bound",
        "heading": "bound",
    },
    "small_derivative": {
        "meaning": "Share of states that a unit move of the state before moves by less than 0.1",
        "heading": "small",
    },
    "dead": {"meaning": "Share of states that no move of the state before moves at all"},
}
BOUND = 0.9
SMALL = 0.1


class Columns(NamedTuple):
    """Shares between 0 and 1, by step."""

    near_bound: Float[Array, " step"]
    """Of the numbers of the readout; NaN if one of them is ever beyond 1, so that 1 is not their bound."""
    small_derivative: Float[Array, " step"]
    """Of the numbers of the state."""
    dead: Float[Array, " step"]


def saturation(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """Shares of units, by step, that have stopped responding.

    near_bound          |h_i| > 0.9,   h the readout of state_t, in (-1, 1)
    small_derivative    |D_t[i, :]| < 0.1,   D_t = dstate_t/dstate_{t-1}
    dead                D_t[i, :] = 0 by definition (relu below 0, a mask): no error that reaches state_t[i]
                        gets any further; what is rounded to 0 has a small derivative, and is not dead

    |D_t[i, :]| is how far state i moves, at most, for a unit move of the state before. Of h = tanh(a) with a
    recurrent matrix of unit rows it is tanh'(a_i), which falls below 0.1 at |h_i| = 0.95; it says the same of
    units without a bound (relu) and of memories (the forget gate). It scales with `w_rec` and so asks about
    the unit as it is wired, not about its activation alone.

    Reference: Bengio, Simard, Frasconi 1994, Learning long-term dependencies with gradient descent is
    difficult; Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    """
    first = jax.tree.map(lambda leaf: leaf[0], xs)
    advance = with_jacobian(step, params, state, first)
    defined = with_jacobian(by_definition(step), params, state, first)
    readout = (lambda state: state) if setup.cell is None else setup.cell.readout

    def body(carry: tuple[Any, Any], x: Any, t: Any) -> tuple[tuple[Any, Any], Columns]:
        before, reach = carry
        state, jacobian = advance(before, x)
        leaves = jax.tree.leaves(readout(state))
        size = jnp.abs(jnp.concatenate([jnp.ravel(leaf) for leaf in leaves]))
        peak = jnp.abs(jacobian).max(axis=1)
        # Scaled first: a square alone would underflow.
        row = jnp.sqrt(((jacobian / jnp.where(peak > 0, peak, 1)[:, None]) ** 2).sum(axis=1)) * peak
        zero = peak == 0
        of_definition = lambda: (defined(before, x)[1] == 0).all(axis=1)
        shares = size > BOUND, row < SMALL, jax.lax.cond(zero.any(), of_definition, lambda: zero)
        near, small, dead = (share.astype(jacobian.dtype).mean() for share in shares)
        finite = jnp.isfinite(size).all()
        small, dead = (
            jnp.where(finite & jnp.isfinite(peak).all(), share, jnp.nan) for share in (small, dead)
        )
        return (state, jnp.maximum(reach, size.max())), Columns(jnp.where(finite, near, jnp.nan), small, dead)

    start = state, jnp.zeros((), jax.tree.leaves(state)[0].dtype)
    (_, reach), columns = scan(body, start, xs, setup.length)
    return Columns(jnp.where(reach <= 1, columns.near_bound, jnp.nan), *columns[1:])

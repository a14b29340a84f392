"""What the loss sends back to each step, and what each step makes of it for the recurrent weights."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence import outer, projections
from gradlab.recurrence.backward import backpropagate
from gradlab.recurrence.projections import Gradient
from gradlab.recurrence.scaled import Norm, norms
from gradlab.recurrence.trees import constant, mapped_zero
from gradlab.types import ProbeContext, Scaled, Step

AXES = {
    "adjoint": ("lag", "part"),
    "weight_gradient": ("lag",),
    "gradient": ("leaf",),
    "gradient_projection": ("leaf",),
    "nonfinite_step": (),
}
FACTS = {
    "adjoint": {"meaning": "Norm of what the loss sends back to the state", "unit": "log10"},
    "weight_gradient": {
        "meaning": "Norm of the part of dL/dW_rec that comes from one step's use of W_rec",
        "unit": "log10",
    },
    "gradient": {"meaning": "Norm of dL/dparams by leaf", "unit": "log10"},
    "gradient_projection": {"meaning": "Sum with random signs of dL/dparams by leaf, over its norm"},
    "nonfinite_step": {"meaning": "First step whose state is not finite, 0 for none", "unit": "step"},
}


class Columns(NamedTuple):
    """Norms by lag; the weight gradient has none at lag T, where no step was taken, and may be left out."""

    adjoint: Norm
    weight_gradient: Norm | None
    gradient: Gradient | None
    """Left out where the weight gradient is."""
    nonfinite_step: Int[Array, ""]
    """The first step whose state is not finite, or 0."""


def adjoint(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The norms of the adjoint, by lag and state part, and of the gradients of all weights, in one pass.

    adjoint             |a_t|,   a_t = dL/dstate_t,   the per-step terms of L included
    weight gradient     |(dstate_t/dW_rec)^T a_t|     with state_{t-1} held fixed, all gates together

    gradient            |dL/dparam| of each leaf, and its projection on a random direction (`projections`)

    The sum of the second's vectors over t is dL/dW_rec.

    Reference: Werbos 1990, Backpropagation through time: what it does and how to do it; Pascanu, Mikolov,
    Bengio 2013, On the difficulty of training recurrent neural networks.
    """
    recurrent = setup.recurrent
    if recurrent is None:
        sent = backpropagate(step, params, state, xs, setup, observe=norms)
        return Columns(sent.observed, None, None, sent.nonfinite_step)

    def of_recurrent(of_params: Callable[[], Any], exponent: Int[Array, ""]) -> Norm:
        return outer.norm(outer.pieces(lambda: recurrent(of_params())), exponent)

    sent = backpropagate(
        step, params, state, xs, setup, observe=norms, weights=of_recurrent, summing=outer.summing
    )
    gradient = _marked(projections.leaves(params), sent.gradient or [], setup.length)
    return Columns(sent.observed, sent.passed, gradient, sent.nonfinite_step)


def _marked(names: Iterable[str], gradient: list[Scaled], length: Int[Array, ""] | int) -> Gradient:
    """The norms and projections, from within a loop that runs once.

    Outside of one, XLA adds up in another order for one block of networks than for several.
    """

    def marks(i: Any, _: Gradient) -> Gradient:
        return projections.of_gradient(names, gradient, i == 0)

    mapped = mapped_zero(gradient)
    shape = jax.eval_shape(lambda: projections.of_gradient(names, gradient))
    blank = jax.tree.map(lambda leaf: constant(0, mapped, leaf.shape, leaf.dtype), shape)
    found: Gradient = jax.lax.fori_loop(0, jnp.minimum(jnp.asarray(length, jnp.int32), 1), marks, blank)
    return found

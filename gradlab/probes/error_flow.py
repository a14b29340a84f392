"""How much each step's error says to each earlier step: every pair of steps, in one pass back."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from gradlab.recurrence.forward import with_jacobian
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, rescale
from gradlab.recurrence.scan import reverse_scan
from gradlab.types import ProbeContext, Step

AXES = {"error_flow": ("from_step", "to_step")}
FACTS = {
    "error_flow": {
        "meaning": "Norm of the error of one step as it reaches the state of another",
        "unit": "log10",
        "heading": "error",
    }
}


class Columns(NamedTuple):
    """Errors of steps t (`from_step`) as they reach the states of steps k (`to_step`), each from 1."""

    error_flow: Norm


class Errors(NamedTuple):
    """What the error of each step sends to the state at hand, `rows[t-1] * 2**exponents[t-1]`."""

    rows: Float[Array, "T S"]
    exponents: Int[Array, " T"]
    at: Int[Array, ""]
    """The step of the state at hand."""


def error_flow(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The norm of de_t/dstate_k for every step t and every state k <= t; NaN for k > t.

    de_t/dstate_k = (dstate_t/dstate_k)^T de_t/dstate_t

    e_t is the objective's term at step t, whether or not L itself has one there: with `last` as with `every`,
    half the squared distance at step t; with `unit`, the component of state_t along the unit vector. Column
    t = T is the adjoint of an objective that reads the last step alone. All errors are carried back side by
    side, each with an exponent of its own: T^2 S^2 work, T S numbers carried.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory, for the error that flows from one unit
    and step to another.
    """
    flat, _ = ravel_pytree(state)
    size, dtype = flat.size, flat.dtype
    capacity = len(jax.tree.leaves(xs)[0])
    advance = with_jacobian(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))
    length = jnp.asarray(setup.length, jnp.int32)

    def forward(state: Any, x: Any, t: Any) -> tuple[Any, Any]:
        after, jacobian = advance(state, x)
        return after, (jacobian, local(state, t - 1))

    def local(state: Any, t: Any) -> Any:
        return ravel_pytree(setup.objective.at(state, t))[0]

    def begun(errors: Errors, term: Any) -> Errors:
        """The error of the step at hand joins the others; the initial state has none."""
        row, exponent = rescale(term)
        here = jnp.arange(capacity, dtype=jnp.int32) == errors.at - 1
        rows = jnp.where(here[:, None], row[None], errors.rows)
        return Errors(rows, jnp.where(here, exponent, errors.exponents), errors.at)

    def start(final: Any) -> Errors:
        none = Errors(
            jnp.zeros((capacity, size), dtype), jnp.full(capacity, ZERO_EXPONENT, jnp.int32), length
        )
        return begun(none, local(final, length))

    def back(errors: Errors, kept: Any) -> tuple[Errors, None]:
        jacobian, term = kept
        rows, exponents = jax.vmap(rescale)(errors.rows @ jacobian, errors.exponents)
        return begun(Errors(rows, exponents, errors.at - 1), term), None

    def observe(errors: Errors, lag: Any) -> tuple[Errors, Norm]:
        return errors, Norm((errors.rows * errors.rows).sum(axis=1), errors.exponents)

    by_lag, *_ = reverse_scan(forward, start, back, observe, state, xs, length)
    goes = jnp.arange(1, capacity + 1, dtype=jnp.int32)[None]
    came = goes.T
    meant = (goes <= came) & (came <= length)
    found = Norm(*(part[jnp.maximum(length - goes[0], 0)].T for part in by_lag))
    return Columns(Norm(jnp.where(meant, found.square, jnp.nan), found.exponent))

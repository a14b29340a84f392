"""The way forward over a sequence of traced length: what each step shows, and its Jacobian."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from gradlab.recurrence.pullback import pullback
from gradlab.types import Step

Tree = Any
Carry = TypeVar("Carry")


class Product(NamedTuple):
    """Entry by entry `value * 2**exponent`, 1/2 <= |value| < 1 or 0: it never leaves its range."""

    value: Float[Array, "*axes"]
    exponent: Int[Array, "*axes"]


def one(shape: tuple[int, ...], dtype: Any) -> Product:
    """The empty product."""
    return Product(jnp.full(shape, 0.5, dtype), jnp.ones(shape, jnp.int32))


def times(product: Product, factor: Float[Array, "*axes"]) -> Product:
    """Entry by entry `product * factor`; one rounding."""
    part, shift = jnp.frexp(factor)
    value, carry = jnp.frexp(product.value * part)
    return Product(value, (product.exponent + shift + carry).astype(jnp.int32))


def log_of(product: Product) -> Float[Array, "*axes"]:
    """Natural log of the absolute value, to the precision of the result; -inf for an exact 0."""
    dtype = product.value.dtype
    log2 = jnp.log(jnp.asarray(2, dtype))
    return jnp.log(jnp.abs(product.value)) + log2 * product.exponent.astype(dtype)


def with_jacobian(step: Step, params: Tree, state: Tree, x: Tree) -> Callable[[Tree, Tree], tuple[Tree, Any]]:
    """`(state, x) -> (next state, D)`, D = dstate_t/dstate_{t-1} of the flattened state, by reverse mode.

    `state` and `x` here only tell the form.
    """
    traced = pullback(step, params, state, x)
    flat, unravel = ravel_pytree(state)
    units = jax.vmap(unravel)(jnp.eye(flat.size, dtype=flat.dtype))

    def at(state: Tree, x: Tree) -> tuple[Tree, Float[Array, "S S"]]:
        after, kept = traced.forward(state, x)
        rows = jax.vmap(lambda unit: traced.pull(kept, unit)[1])(units)
        return after, jnp.concatenate([leaf.reshape(flat.size, -1) for leaf in jax.tree.leaves(rows)], axis=1)

    return at

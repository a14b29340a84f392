"""Rows of a Jacobian, each with an exponent of its own, and the norms of blocks of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence import powers
from gradlab.recurrence.scaled import Norm, rescale

Tree = Any


class Rows(NamedTuple):
    """Row i is `leaf[i] * 2**exponent[i]` in each leaf of `value`."""

    value: Tree
    exponent: Int[Array, " R"]


def scaled(value: Tree, exponent: Int[Array, " R"] | int = 0) -> Rows:
    """The rows, each brought near 1 by a power of two."""
    count = len(jax.tree.leaves(value)[0])
    return Rows(*jax.vmap(rescale)(value, jnp.broadcast_to(jnp.asarray(exponent, jnp.int32), (count,))))


def sigma_and_frobenius(leaves: Sequence[Any], exponent: Int[Array, " R"]) -> tuple[Norm, Norm]:
    """The largest singular value and the Frobenius norm of rows (R, ...), leaves side by side.

    A complex leaf counts as its real and imaginary parts. An infinite square: an entry is not finite.
    """
    parts = [part for leaf in leaves for part in _real(leaf)]
    matrix = jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    # A block may be far smaller than the rows that it is cut from.
    matrix, exponent = jax.vmap(rescale)(matrix, exponent)
    top = exponent.max()
    matrix = matrix * powers.two_to(jnp.maximum(exponent - top, -2000), matrix.dtype)[:, None]
    square = jnp.sum(matrix * matrix)
    finite = jnp.isfinite(square)
    largest = jnp.linalg.svd(jnp.where(finite, matrix, 0), compute_uv=False)[0]
    found = (jnp.where(finite, one, jnp.inf) for one in (largest * largest, square))
    sigma, frobenius = (Norm(one, top) for one in found)
    return sigma, frobenius


def _real(leaf: Any) -> tuple[Any, ...]:
    return (jnp.real(leaf), jnp.imag(leaf)) if jnp.iscomplexobj(leaf) else (leaf,)

"""Products of Jacobians that keep units apart: a small block for each unit in the place of a matrix of all.

A state may be two numbers of each unit: re and im, say. The block of a unit is then 2 x 2.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from gradlab.recurrence import powers
from gradlab.recurrence.apart import keeps_apart
from gradlab.recurrence.scaled import Norm, rescale

Tree = Any
MOST = 2
"""Numbers of a unit: so far the largest singular value of a block has a formula."""


class Blocks(NamedTuple):
    """Of each unit `value * 2**exponent`, an m x m matrix: it never leaves its range."""

    value: Float[Array, "i j N"]
    exponent: Int[Array, " N"]


def units(function: Callable[..., Tree], state: Tree, *others: Tree) -> tuple[int, ...] | None:
    """The shape of the units that `function(state, *others)`, of the state's form, keeps apart; None if none.

    A leaf has that shape, or one more axis in front of it. Of a pullback the Jacobian is then of blocks.
    """
    leaves = jax.tree.leaves(state)
    if len({leaf.dtype for leaf in leaves}) != 1 or not jnp.issubdtype(leaves[0].dtype, jnp.floating):
        return None
    least = min((leaf.shape for leaf in leaves), key=len)
    for shape in dict.fromkeys((least, least[1:])):
        fits = all(leaf.shape[leaf.ndim - len(shape) :] == shape for leaf in leaves)
        few = 0 < sum(leaf.size for leaf in leaves) <= MOST * math.prod(shape)
        if fits and few and keeps_apart(function, state, shape, *others):
            return tuple(shape)
    return None


def jacobian(pull: Callable[[Tree], Tree], state: Tree, shape: tuple[int, ...]) -> Float[Array, "i j N"]:
    """The blocks [i, j] = dafter_i/dbefore_j of a pullback to this state that keeps units apart."""
    leaves, structure = jax.tree.flatten(state)
    count = math.prod(shape)
    ends = list(itertools.accumulate((leaf.size // count for leaf in leaves), initial=0))
    # A one in the place of one number of all units: nothing of another one comes with what is its own.
    ones = jnp.broadcast_to(jnp.eye(ends[-1], dtype=leaves[0].dtype)[..., None], (ends[-1], ends[-1], count))
    rows = []
    for one in ones:
        some = [
            one[a:b].reshape(leaf.shape)
            for leaf, (a, b) in zip(leaves, itertools.pairwise(ends), strict=True)
        ]
        pulled = jax.tree.leaves(pull(jax.tree.unflatten(structure, some)))
        rows.append(jnp.concatenate([leaf.reshape(-1, count) for leaf in pulled]))
    return jnp.stack(rows)


def rescaled(value: Float[Array, "i j N"], exponent: Int[Array, " N"] | int = 0) -> Blocks:
    """Each block brought near 1 by a power of two of its own."""
    exponents = jnp.broadcast_to(jnp.asarray(exponent, jnp.int32), value.shape[-1:])

    def one(block: Any, exponent: Any) -> tuple[Any, Any]:
        found = rescale(block, exponent)
        return found.value, found.exponent

    return Blocks(*jax.vmap(one, (-1, 0), (-1, 0))(value, exponents))


def times(product: Blocks, factor: Float[Array, "i j N"]) -> Blocks:
    """The product of the two, block by block."""
    parts = [product.value[:, i, None] * factor[None, i] for i in range(len(factor))]
    return rescaled(sum(parts[1:], parts[0]), product.exponent)


def largest(blocks: Blocks) -> Norm:
    """The largest singular value of them all, in a formula: exact up to rounding.

    sigma = (|(a + d, c - b)| + |(a - d, c + b)|) / 2     of ((a, b), (c, d))
    """
    value, exponent = blocks
    if len(value) == 1:
        sigma = jnp.abs(value[0, 0])
    else:
        ((a, b), (c, d)) = value
        sums = (a + d) ** 2 + (c - b) ** 2, (a - d) ** 2 + (c + b) ** 2
        sigma = (jnp.sqrt(sums[0]) + jnp.sqrt(sums[1])) / 2
    top = exponent.max()
    found = (sigma * powers.two_to(jnp.maximum(exponent - top, -2000), sigma.dtype)).max()
    return Norm(found * found, top)


def frobenius(blocks: Blocks) -> Norm:
    """The Frobenius norm of them all."""
    value, exponent = rescaled(*blocks)
    top = exponent.max()
    squares = (value * value).sum(axis=(0, 1))
    return Norm((squares * powers.two_to(2 * jnp.maximum(exponent - top, -1000), squares.dtype)).sum(), top)


def by_leaf(blocks: Blocks, state: Tree, shape: tuple[int, ...]) -> list[Blocks]:
    """The columns of each leaf of the state, all together first; them alone if there is one leaf."""
    counts = [leaf.size // math.prod(shape) for leaf in jax.tree.leaves(state)]
    ends = itertools.pairwise(itertools.accumulate(counts, initial=0))
    parts = [blocks._replace(value=blocks.value[:, a:b]) for a, b in ends]
    return [blocks, *parts] if len(parts) > 1 else [blocks]

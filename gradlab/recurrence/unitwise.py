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
from gradlab.recurrence.pullback import Pullback
from gradlab.recurrence.scaled import Norm, add, rescale
from gradlab.recurrence.scaled import largest as peak
from gradlab.types import Scaled

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


def of(one: Pullback, state: Tree, x: Tree) -> tuple[int, ...] | None:
    """The shape of the units that a step keeps apart on its way back; None if there is none."""
    _, kept = jax.eval_shape(one.forward, state, x)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), kept)
    return units(lambda sent: one.pull(blank, sent)[1], state)


def numbers(tree: Tree, shape: tuple[int, ...]) -> Float[Array, "m N"]:
    """A state by units of this shape."""
    return jnp.concatenate([leaf.reshape(-1, math.prod(shape)) for leaf in jax.tree.leaves(tree)])


def tree(numbers: Float[Array, "m N"], state: Tree) -> Tree:
    """The inverse of `numbers`, in the form of a state."""
    leaves, structure = jax.tree.flatten(state)
    ends = itertools.pairwise(itertools.accumulate((leaf.size for leaf in leaves), initial=0))
    flat = numbers.reshape(-1)
    parts = [flat[a:b].reshape(leaf.shape) for leaf, (a, b) in zip(leaves, ends, strict=True)]
    return jax.tree.unflatten(structure, parts)


def jacobian(pull: Callable[[Tree], Tree], state: Tree, shape: tuple[int, ...]) -> Float[Array, "m m N"]:
    """The blocks [i, j] = dafter_i/dbefore_j of a pullback to this state that keeps units apart."""
    like = numbers(state, shape)
    # A one in the place of one number of all units: nothing of another one comes with what is its own.
    ones = jnp.broadcast_to(jnp.eye(len(like), dtype=like.dtype)[..., None], (len(like), *like.shape))
    return jnp.stack([numbers(pull(tree(one, state)), shape) for one in ones])


def rescaled(value: Float[Array, "i j N"], exponent: Int[Array, "..."] | int = 0) -> Blocks:
    """Each block brought near 1 by a power of two of its own."""
    exponents = jnp.broadcast_to(jnp.asarray(exponent, jnp.int32), value.shape[-1:])

    def one(block: Any, exponent: Any) -> tuple[Any, Any]:
        found = rescale(block, exponent)
        return found.value, found.exponent

    return Blocks(*jax.vmap(one, (-1, 0), (-1, 0))(value, exponents))


def times(left: Blocks, right: Blocks) -> Blocks:
    """The products, unit by unit."""
    parts = [left.value[:, i, None] * right.value[None, i] for i in range(len(right.value))]
    return rescaled(sum(parts[1:], parts[0]), left.exponent + right.exponent)


def plus(left: Blocks, right: Blocks) -> Blocks:
    """The sums, unit by unit."""

    def one(a: Any, b: Any, first: Any, second: Any) -> tuple[Any, Any]:
        found = add(Scaled(a, first), Scaled(b, second))
        return found.value, found.exponent

    each = jax.vmap(one, (-1, -1, 0, 0), (-1, 0))
    return Blocks(*each(left.value, right.value, left.exponent, right.exponent))


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
    found = peak(sigma * powers.two_to(jnp.maximum(exponent - top, -2000), sigma.dtype))
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

"""Products of Jacobians that keep units apart: a small block for each unit in the place of a matrix of all.

A state may be two numbers of each unit: re and im, say. The block of a unit is then 2 x 2.
"""

import functools
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
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, add, largest
from gradlab.recurrence.trees import alone, joined
from gradlab.types import Scaled

Tree = Any
MOST = 2
"""Numbers of a unit: so far the largest singular value of a block has a formula."""


class Blocks(NamedTuple):
    """Of each unit a matrix, each row of it `value * 2**exponent`: it never leaves its range."""

    value: Float[Array, "i j N"]
    exponent: Int[Array, "i N"]


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
    """Each row of each block brought near 1 by a power of two; what is not finite stays as it is."""
    # Entry by entry: XLA does not vectorise what runs over an axis of two.
    peak = functools.reduce(jnp.maximum, [jnp.abs(value[:, j]) for j in range(value.shape[1])])
    shift = jnp.where((peak > 0) & jnp.isfinite(peak), powers.exponent(peak), 0)
    moved = jnp.where(peak == 0, ZERO_EXPONENT, exponent + shift).astype(jnp.int32)
    return Blocks(powers.scaled(value, -shift[:, None]), moved)


def times(left: Blocks, right: Blocks) -> Blocks:
    """The products, unit by unit."""
    if len(right.value) == 1:
        return rescaled(left.value * right.value, left.exponent + right.exponent[:1])
    # An entry of the left one times the exponent of the right one's row, the largest of its row near 1.
    columns = range(len(right.value))
    own = [powers.exponent(left.value[:, j]) + right.exponent[None, j] for j in columns]
    own = [jnp.where(left.value[:, j] == 0, ZERO_EXPONENT, own[j]) for j in columns]
    top = functools.reduce(jnp.maximum, own)
    shares = [powers.scaled(left.value[:, j], right.exponent[None, j] - top) for j in columns]
    parts = [shares[j][:, None] * right.value[None, j] for j in columns]
    return rescaled(sum(parts[1:], parts[0]), left.exponent + top)


def plus(left: Blocks, right: Blocks) -> Blocks:
    """The sums, unit by unit."""

    def one(a: Any, b: Any, first: Any, second: Any) -> tuple[Any, Any]:
        found = add(Scaled(a, first), Scaled(b, second))
        return found.value, found.exponent

    each = jax.vmap(jax.vmap(one, (-1, -1, -1, -1), (-1, -1)))
    return Blocks(*each(left.value, right.value, left.exponent, right.exponent))


def chained(
    first: Blocks, factors: Blocks, terms: Blocks | None = None, onto: Callable[..., Blocks] = times
) -> Blocks:
    """`first`, and `next = onto(last, factor) + term`, unit by unit, for factors (K, m, m, N)."""
    begin, many = alone(first), jax.vmap(onto)
    if terms is None:
        products: Blocks = jax.lax.associative_scan(many, factors)
        after_first: Blocks = jax.vmap(onto, (None, 0))(first, products)
        return Blocks(*joined(begin, after_first))

    def after(one: tuple[Blocks, Blocks], two: tuple[Blocks, Blocks]) -> tuple[Blocks, Blocks]:
        return many(one[0], two[0]), jax.vmap(plus)(many(one[1], two[0]), two[1])

    # The first one is a term, too, of a factor that nothing is before.
    pairs = joined(jax.tree.map(lambda leaf: leaf[:1], factors), factors), joined(begin, terms)
    found: Blocks = jax.lax.associative_scan(after, pairs)[1]
    return found


def largest_singular_value(blocks: Blocks) -> Norm:
    """The largest singular value of them all, by a formula: exact up to rounding.

    sigma = (|(a + d, c - b)| + |(a - d, c + b)|) / 2     of ((a, b), (c, d))
    """
    top = blocks.exponent.max()
    value = blocks.value * _below(blocks.exponent, blocks.exponent.max(axis=0)[None], blocks.value)[:, None]
    if len(value) == 1:
        sigma = jnp.abs(value[0, 0])
    else:
        ((a, b), (c, d)) = value
        sums = (a + d) ** 2 + (c - b) ** 2, (a - d) ** 2 + (c + b) ** 2
        sigma = (jnp.sqrt(sums[0]) + jnp.sqrt(sums[1])) / 2
    found = largest(sigma * _below(blocks.exponent.max(axis=0), top, sigma))
    return Norm(found * found, top)


def frobenius(blocks: Blocks) -> Norm:
    """The Frobenius norm of them all."""
    value, exponent = rescaled(*blocks)
    top = exponent.max()
    squares = (value * value).sum(axis=1)
    return Norm((squares * _below(exponent, top, squares) ** 2).sum(), top)


def by_leaf(blocks: Blocks, state: Tree, shape: tuple[int, ...]) -> list[Blocks]:
    """The columns of each leaf of the state, all together first; them alone if there is one leaf."""
    counts = [leaf.size // math.prod(shape) for leaf in jax.tree.leaves(state)]
    ends = itertools.pairwise(itertools.accumulate(counts, initial=0))
    parts = [blocks._replace(value=blocks.value[:, a:b]) for a, b in ends]
    return [blocks, *parts] if len(parts) > 1 else [blocks]


def _below(exponent: Array, top: Array, like: Array) -> Array:
    """2**exponent beside 2**top."""
    return powers.two_to(jnp.maximum(exponent - top, -1000), like.dtype)

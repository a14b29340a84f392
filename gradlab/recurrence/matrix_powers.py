"""Powers of one matrix, all up to a number of them, in as many rounds as that has binary digits."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from gradlab.recurrence import blocks, powers
from gradlab.recurrence.scaled import add, at_one_exponent, nothing_of_zeros, rescale
from gradlab.recurrence.trees import alone, joined
from gradlab.types import Scaled

Tree = Any
ROOM = 2
"""Powers of two that plain numbers stay below the end of their format, on their way through a matrix."""


class Power(NamedTuple):
    """A power of a matrix: entry (i, j) is `value * 2**(rows[i] + columns[j])`.

    What a vector keeps apart from the largest numbers of a power is not lost beside them.
    """

    value: Float[Array, "S S"]
    rows: Int[Array, " S"]
    columns: Int[Array, " S"]


def squares(matrix: Float[Array, "S S"], count: int) -> list[Power]:
    """Its powers 1, 2, 4, ... up to `count`, in float64 until they are there.

    In float32 each square would double what the one before is off by, and every segment takes the same ones.
    """
    found = []
    with jax.enable_x64(True):
        power = blocks.scaled(matrix.astype("float64"))
        while True:
            columns = blocks.scaled(power.value.T)
            value = columns.value.T.astype(matrix.dtype)
            found.append(Power(value, power.exponent, nothing_of_zeros(columns.exponent)))
            if 2 ** len(found) > count:
                return found
            left = jax.vmap(at_one_exponent, (0, None))(*power)
            power = blocks.scaled(_product(left.value, power.value), power.exponent + left.exponent)


def repeated(first: Scaled, squared: Sequence[Power], count: int) -> Scaled:
    """`first` (..., S), and its products with the powers 1..count of a matrix, by its `squares`."""
    found = alone(first)
    for power in squared:
        left = count + 1 - len(found.exponent)
        some = jax.tree.map(lambda leaf, left=left: leaf[:left], found)
        if len(some.exponent):
            found = joined(found, _times(some, power))
    return Scaled(*found)


def summed(terms: Scaled, squared: Sequence[Power]) -> Scaled:
    """Of terms (K, S), an exponent each: `sum_k = term_k + sum_{k-1} matrix`, by its `squares`."""
    for before, after, begin, power in _doubled(terms, squared):
        terms = Scaled(*joined(begin(terms), jax.vmap(add)(after(terms), _times(before(terms), power))))
    return terms


def plain_sums(terms: Float[Array, "K S"], squared: Sequence[Power]) -> Float[Array, "K S"]:
    """The same of plain numbers: each is as exact as in a loop, however far it lies below the others."""
    for before, after, begin, power in _doubled(terms, squared):
        # A power's entries may be 1/2: on its way a number may be larger than where it ends.
        pushed = _product(powers.scaled(before(terms), power.rows[None] - ROOM), power.value)
        more = after(terms) + powers.scaled(pushed, power.columns[None] + ROOM)
        terms = jnp.concatenate([begin(terms), more])
    return terms


def _doubled(terms: Tree, squared: Sequence[Power]) -> Iterator[tuple[Any, Any, Any, Power]]:
    """Of sums of 1, 2, 4, ... terms: which get as many before them, which these are, and which have all."""
    count, reach = len(jax.tree.leaves(terms)[0]), 1
    for power in squared:
        if reach >= count:
            return
        yield _cut(slice(-reach)), _cut(slice(reach, None)), _cut(slice(reach)), power
        reach *= 2


def _cut(part: slice) -> Callable[[Tree], Tree]:
    return lambda trees: jax.tree.map(lambda leaf: leaf[part], trees)


def _times(rows: Scaled, power: Power) -> Scaled:
    """Each item of rows (K, ..., S), an exponent each, times a power."""
    each = jax.vmap(at_one_exponent, (0, None))
    left = each(rows.value, power.rows)
    found = each(_product(left.value, power.value), power.columns)
    return jax.vmap(rescale)(found.value, rows.exponent + left.exponent + found.exponent)


def _product(left: Array, right: Array) -> Array:
    return jnp.matmul(left, right, precision="highest")

"""Two numbers that tell one array from another: its norm, and its projection on a fixed random direction.

A factor changes the norm, and anything else almost surely the projection: the sum of the entries with random
signs, over the norm. It is of size 1 however many entries there are, and 0 for an array of zeros. The signs
depend on the leaf's name and the place of an entry alone, on any machine.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.typing import NDArray

from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.trees import has_gradient
from gradlab.types import Scaled

Tree = Any


def leaves(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree that have a gradient, by name; the only leaf of a tree is called `params`.

    >>> list(leaves({"w": 1.0, "b": [2.0, 3]}))
    ['b/0', 'w']
    """
    named = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/") or "params": leaf
        for path, leaf in named
        if has_gradient(leaf)
    }


class Gradient(NamedTuple):
    """dL/dparams of one sequence, leaf by leaf."""

    norm: Norm
    projection: Float[Array, "*axes leaf"]


def of_gradient(names: Iterable[str], gradient: Sequence[Scaled], there: Any = True) -> Gradient:
    """The norm and the projection of each array `value * 2**exponent`; of zeros unless it is there."""
    found = [_of_scaled(name, leaf, there) for name, leaf in zip(names, gradient, strict=True)]
    squares, exponents, projections = (jnp.stack(some) for some in zip(*found, strict=True))
    return Gradient(Norm(squares, exponents), projections)


def _of_scaled(name: str, scaled: Scaled, there: Any) -> tuple[Array, Array, Array]:
    flat = scaled.value.ravel()
    square = jnp.sum(jnp.square(jnp.where(there, flat, 0)))
    positive = _signs(name, jnp.arange(flat.size, dtype=jnp.uint32))
    # A product with the signs, which take the mask: the gradients of many sequences are read as they are.
    signs = jnp.where(there, jnp.where(positive, 1, -1), 0).astype(flat.dtype)
    projection = jnp.dot(flat, signs) / jnp.sqrt(jnp.where(square == 0, 1, square))
    return square, scaled.exponent, projection


def of_array(name: str, array: NDArray[Any]) -> tuple[float, float]:
    """The norm of an array and its projection, in float64 on the host."""
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag])
    flat = array.astype(np.float64).ravel()
    norm = float(np.linalg.norm(flat))
    if norm == 0:
        return 0.0, 0.0
    signs = _signs(name, np.arange(flat.size, dtype=np.uint32))
    return norm, float(np.sum(np.where(signs, flat, -flat)) / norm)


def _signs(name: str, places: Any) -> Any:
    """A random bit for each place in a leaf: MurmurHash3's last mixing of the place and the name.

    Reference: Appleby 2011, MurmurHash3.
    """
    mixed = places * np.uint32(0x9E3779B1) + np.uint32(zlib.crc32(name.encode()))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    return (mixed ^ (mixed >> np.uint32(16))) & np.uint32(1) == 0

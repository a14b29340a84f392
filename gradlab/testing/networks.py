"""Small networks of made-up numbers, which belong to no member of gradlab."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab.recurrence.trees import has_gradient
from gradlab.types import Key

D, N, T = 3, 4, 6
"""Inputs, units and steps of the networks that are tried."""
Tree = Any


def key() -> Key:
    """The key that contracts draw from."""
    return jax.random.key(20260101)


def gaussian(key: Key, n: int) -> Any:
    """A matrix of unit gain that belongs to no initialiser of gradlab."""
    return jax.random.normal(key, (n, n), float) / np.sqrt(n)


def orthogonal(key: Key, n: int) -> Any:
    """An orthogonal matrix."""
    return jnp.linalg.qr(jax.random.normal(key, (n, n), float))[0]


def network(
    cell: Any, key: Key, dtype: Any = np.float64, initializer: Any = gaussian, w_rec: float = 1.2
) -> tuple[Tree, Tree, Any]:
    """Parameters, a state away from zero, and inputs, their real numbers all of one dtype."""
    key_init, key_off, key_x = jax.random.split(key, 3)
    params, state = cell.init(key_init, D, N, w_rec, initializer)
    flat, unravel = ravel_pytree(state)
    state = unravel(flat + 0.5 * jax.random.normal(key_off, flat.shape, flat.dtype))
    xs = jax.random.normal(key_x, (T, D), float)
    made: tuple[Tree, Tree, Any] = jax.tree.map(
        lambda leaf: leaf.astype(dtype) if has_gradient(leaf) else leaf, (params, state, xs)
    )
    return made


def named(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree by their path."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in paths}


def shapes(tree: Tree) -> Tree:
    """Shape and dtype of every leaf."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)

"""Entries of buffers, which loops over time take and put.

Under `vmap` JAX makes a gather of a slice and a scatter of an update, even where all take the same entry: at
every step bounds are asked for, and what lies beyond is selected. Here a buffer of many has one more axis in
front, and a slice stays a slice. No index is negative; asking for that would be an operation of its own.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

Tree = Any
Columns = tuple[int, int]
"""Of the last axis: the first one, and how many."""


def at(buffers: Tree, i: Any) -> Tree:
    """Entry i of each leaf."""
    return jax.tree.map(lambda leaf: _taking(0, 1, None)(leaf, i)[0], buffers)


def some(buffers: Tree, i: Any, count: int) -> Tree:
    """Entries i..i + count - 1 of each leaf."""
    return jax.tree.map(lambda leaf: _taking(0, count, None)(leaf, i), buffers)


def columns(buffer: Array, i: Any, start: int, size: int) -> Array:
    """Of entry i some columns, read by themselves: XLA does not vectorise what reads pieces of one array."""
    found: Array = _taking(0, 1, (start, size))(buffer, i)[0]
    return found


def put(buffers: Tree, i: Any, items: Tree) -> Tree:
    """The buffers with an item as entry i of each leaf."""
    return jax.tree.map(lambda leaf, item: _putting(0)(leaf, item[None], i), buffers, items)


def put_some(buffers: Tree, i: Any, items: Tree) -> Tree:
    """The buffers with items from entry i of each leaf on."""
    return jax.tree.map(lambda leaf, few: _putting(0)(leaf, few, i), buffers, items)


@functools.cache
def _taking(axis: int, count: int, of: Columns | None) -> Callable[[Any, Any], Any]:
    def plain(leaf: Any, i: Any) -> Any:
        start, sizes = [0 * i] * leaf.ndim, list(leaf.shape)
        start[axis], sizes[axis] = i, count
        if of is not None:
            start[-1], sizes[-1] = 0 * i + of[0], of[1]
        return jax.lax.dynamic_slice(leaf, start, sizes, allow_negative_indices=False)

    take = custom_vmap(plain)

    @take.def_vmap
    def batched(size: int, over: list[bool], leaf: Any, i: Any) -> tuple[Any, bool]:
        if over[1]:
            return jax.vmap(plain, (0 if over[0] else None, 0))(leaf, i), True
        return _taking(axis + 1, count, of)(leaf, i), True

    return take


@functools.cache
def _putting(axis: int) -> Callable[[Any, Any, Any], Any]:
    def plain(leaf: Any, items: Any, i: Any) -> Any:
        start = [0 * i] * leaf.ndim
        start[axis] = i
        return jax.lax.dynamic_update_slice(leaf, items, start, allow_negative_indices=False)

    put = custom_vmap(plain)

    @put.def_vmap
    def batched(size: int, over: list[bool], leaf: Any, items: Any, i: Any) -> tuple[Any, bool]:
        if over[2]:
            return jax.vmap(plain, [0 if one else None for one in over])(leaf, items, i), True
        leaf, items = (
            value if one else jnp.broadcast_to(value, (size, *value.shape))
            for value, one in zip((leaf, items), over[:2], strict=True)
        )
        return _putting(axis + 1)(leaf, items, i), True

    return put

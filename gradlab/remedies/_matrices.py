"""The recurrent matrices among a cell's parameters: leaves called `w_rec`, one matrix or one per gate."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float


def is_recurrent(path: tuple[Any, ...]) -> bool:
    """Whether a leaf of the parameters at this path is called `w_rec`."""
    return any(getattr(part, "name", getattr(part, "key", None)) == "w_rec" for part in path)


def each(change: Callable[[Float[Array, "n n"]], Float[Array, "n n"]]) -> Callable[[Any], Any]:
    """A projection of a cell's parameters that changes each recurrent matrix alone.

    Raises ValueError, when it is traced, for a cell without such a matrix.
    """

    def project(params: Any) -> Any:
        found = False

        def one(path: tuple[Any, ...], leaf: Array) -> Array:
            nonlocal found
            if not is_recurrent(path) or leaf.ndim < 2 or leaf.shape[-1] != leaf.shape[-2]:
                return leaf
            found = True
            matrices = leaf.reshape(-1, *leaf.shape[-2:])
            return jax.vmap(change)(matrices).reshape(leaf.shape).astype(leaf.dtype)

        made = jax.tree_util.tree_map_with_path(one, params)
        if not found:
            raise ValueError("needs a cell with recurrent matrices w_rec")
        return made

    return project

"""A pytree of any numbers as real ones by name: what a gradient is taken of, in float64."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Tree = Any
Numbers = dict[str, Any]
"""Real arrays, float64, by path; a complex array z is `z/re` and `z/im`."""


class _Leaf(NamedTuple):
    path: str
    kind: str
    """`float`, `complex`, `other` (integers and truth values) or `key`."""
    leaf: Any


class RealView:
    """The way from a pytree to its real numbers and back.

    Integers, truth values and random keys have no gradient: they either stay as they are (`carried`
    is false), or they are carried along as the float64 numbers that they equal, rounded on the way back.
    """

    def __init__(self, tree: Tree, name: str, *, carried: bool) -> None:
        paths, self._structure = jax.tree_util.tree_flatten_with_path(tree)
        self._leaves = []
        for keys, leaf in paths:
            path = jax.tree_util.keystr(keys, simple=True, separator="/") or name
            self._leaves.append(_Leaf(path, _kind(leaf), _wide(leaf)))
        self._carried = carried

    @property
    def complex(self) -> bool:
        """Whether there are complex numbers."""
        return any(leaf.kind == "complex" for leaf in self._leaves)

    def numbers(self, tree: Tree, *, like_first: bool = False) -> Numbers:
        """The real numbers of a tree of the same structure, whatever leading axes its leaves have.

        Raises `TypeError` if the structure, or with `like_first` a shape or dtype, is another.
        """
        found: Numbers = {}
        for (path, kind, first), leaf in zip(self._leaves, self._matched(tree), strict=True):
            leaf = leaf if kind in ("other", "key") and not self._carried else jnp.asarray(leaf)
            if like_first and (jnp.shape(leaf), leaf.dtype) != (jnp.shape(first), first.dtype):
                had, has = (f"{a.dtype}{list(jnp.shape(a))}" for a in (first, leaf))
                raise TypeError(f"the step makes {path} {has}, which was {had}")
            if kind == "float":
                found[path] = jnp.asarray(leaf, jnp.float64)
            elif kind == "complex":
                found[f"{path}/re"], found[f"{path}/im"] = jnp.real(leaf), jnp.imag(leaf)
            elif self._carried:
                number = jax.random.key_data(leaf) if kind == "key" else leaf
                found[path] = jnp.asarray(number, jnp.float64)
        return found

    def gradient(self, tree: Tree) -> Numbers:
        """As `numbers`, of a gradient as JAX gives it: of z = x + i y it is dL/dx - i dL/dy."""
        turned = [jnp.conj(leaf) if kind == "complex" else leaf for kind, leaf in self._with_kinds(tree)]
        found = self.numbers(jax.tree.unflatten(self._structure, turned))
        rest = {leaf.path for leaf in self._leaves if leaf.kind in ("other", "key")}
        return {path: jnp.zeros_like(leaf) if path in rest else leaf for path, leaf in found.items()}

    def tree(self, numbers: Numbers) -> Tree:
        """The tree of those numbers."""
        leaves = []
        for path, kind, first in self._leaves:
            if kind == "float":
                leaves.append(numbers[path])
            elif kind == "complex":
                leaves.append(jax.lax.complex(numbers[f"{path}/re"], numbers[f"{path}/im"]))
            elif not self._carried:
                leaves.append(first)
            elif kind == "key":
                data = jnp.round(numbers[path]).astype(jnp.uint32)
                leaves.append(jax.random.wrap_key_data(data, impl=jax.random.key_impl(first)))
            else:
                leaves.append(jnp.round(numbers[path]).astype(first.dtype))
        return jax.tree.unflatten(self._structure, leaves)

    def _matched(self, tree: Tree) -> list[Any]:
        leaves, structure = jax.tree.flatten(tree)
        if structure != self._structure:  # type: ignore[operator]
            raise TypeError(f"the step makes {structure} of {self._structure}")
        return [_wide(leaf) for leaf in leaves] if not self._carried else leaves

    def _with_kinds(self, tree: Tree) -> list[tuple[str, Any]]:
        return [(own.kind, leaf) for own, leaf in zip(self._leaves, self._matched(tree), strict=True)]


def wide(tree: Tree) -> Tree:
    """The tree in float64 and complex128; what is neither float nor complex stays."""
    return jax.tree.map(_wide, tree)


def scaled(tree: Tree, by: float) -> Tree:
    """Floating-point and complex leaves times a number."""
    change: Callable[[Any], Any] = lambda leaf: leaf * by if _kind(leaf) in ("float", "complex") else leaf
    return jax.tree.map(change, tree)


def _kind(leaf: Any) -> str:
    if isinstance(leaf, float | complex):
        return "complex" if isinstance(leaf, complex) else "float"
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic):
        return "other"
    kinds = {"key": jax.dtypes.prng_key, "float": jnp.floating, "complex": jnp.complexfloating}
    return next((kind for kind, dtype in kinds.items() if jnp.issubdtype(leaf.dtype, dtype)), "other")


def _wide(leaf: Any) -> Any:
    kind = _kind(leaf)
    if kind in ("float", "complex"):
        return jnp.asarray(leaf, jnp.float64 if kind == "float" else jnp.complex128)
    known = isinstance(leaf, bool | int | np.ndarray | np.generic)
    return jnp.asarray(leaf) if known else leaf

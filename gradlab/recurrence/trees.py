"""Trees of numbers with a gradient and of others: told apart, brought to real form, carried along.

A complex leaf in real form has a leading axis of 2, (re, im); a random key is the integers it is made of.
"""

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gradlab.errors import GradlabError
from gradlab.types import Step

Tree = Any
Compiled = Callable[..., Any]
"""It is given a function of trees and what that is called with, and returns what it returns."""
Form = tuple[Hashable, ...]
"""What each leaf of a tree is, in order: `real`, `complex`, `rest`, None, or `(key, its kind)`."""

SUPPORTED = ("float32", "float64", "complex64", "complex128")


def has_gradient(leaf: Any) -> bool:
    """Whether a leaf holds numbers that a derivative may be taken in: real or complex."""
    if not hasattr(leaf, "dtype"):
        return isinstance(leaf, float | complex)
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def split(tree: Tree) -> tuple[Tree, Tree]:
    """The same tree twice: with None for what has no gradient, and with None for what has one."""
    numbers = jax.tree.map(lambda leaf: leaf if has_gradient(leaf) else None, tree)
    others = jax.tree.map(lambda leaf: None if has_gradient(leaf) else leaf, tree)
    return numbers, others


def merged(numbers: Tree, others: Tree) -> Tree:
    """The inverse of `split`."""
    pick = lambda number, other: other if number is None else number
    return jax.tree.map(pick, numbers, others, is_leaf=lambda leaf: leaf is None)


@dataclasses.dataclass(frozen=True)
class _Moving:
    """A cell as the probes see it when the rest of its state comes with the inputs."""

    made: Any

    @property
    def carry_gate(self) -> Any:
        return self.made.carry_gate

    def gate_values(self, params: Tree, numbers: Tree, x: tuple[Tree, Tree]) -> Any:
        return self.made.gate_values(params, merged(numbers, x[1]), x[0])

    def readout(self, numbers: Tree) -> Tree:
        return self.made.readout(numbers)


def at_once(function: Callable[..., Any], *given: Tree) -> Any:
    """What a function of trees returns."""
    return function(*given)


def carried(
    step: Step, params: Tree, state: Tree, xs: Tree, cell: Any = None, compiled: Compiled = at_once
) -> tuple[Step, Tree, Tree, Any]:
    """The step, state, inputs and cell of a recurrence in what has a gradient alone.

    The rest of each state (counters, truth values, the data of random keys) is worked out beforehand, and
    enters each step beside its input: the same states, and the same derivatives. A state without a rest
    comes back as it is. `compiled` calls what works them out, and may keep its program.
    """
    numbers, others = split(state)
    if not jax.tree.leaves(others):
        return step, state, xs, cell

    def rest(params: Tree, state: Tree, xs: Tree) -> Tree:
        def one(state: Tree, x: Tree) -> tuple[Tree, Tree]:
            return step(params, state, x), split(state)[1]

        return jax.lax.scan(one, state, xs)[1]

    rests = compiled(rest, params, state, xs)

    def seen(params: Tree, numbers: Tree, x: tuple[Tree, Tree]) -> Tree:
        return split(step(params, merged(numbers, x[1]), x[0]))[0]

    return seen, numbers, (xs, rests), None if cell is None else _Moving(cell)


def supported(name: str, dtype: Any) -> None:
    """Refuse a precision that is not measured."""
    if str(dtype) not in SUPPORTED:
        advice = "a gradient is measured in float32 or float64 (or complex numbers of these): cast it"
        raise GradlabError(name, f"is {dtype}; {advice}")


def form(root: str, tree: Tree) -> Form:
    """What each leaf of a tree of arrays is; a leaf of another precision is refused by name."""
    kinds: list[Hashable] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree, is_leaf=_is_none):
        if leaf is None:
            kinds.append(None)
        elif jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key):
            kinds.append(("key", jax.random.key_impl(leaf)))
        elif not has_gradient(leaf):
            kinds.append("rest")
        else:
            if hasattr(leaf, "dtype"):
                supported(root + jax.tree_util.keystr(path), leaf.dtype)
            kinds.append("complex" if jnp.iscomplexobj(leaf) else "real")
    return tuple(kinds)


def encoded(tree: Tree, shape: Form) -> Tree:
    """The tree in real form: complex leaves as (re, im), random keys as integers."""

    def one(leaf: Any, kind: Hashable) -> Any:
        if kind == "complex":
            return jnp.stack([jnp.real(leaf), jnp.imag(leaf)])
        return jax.random.key_data(leaf) if isinstance(kind, tuple) else leaf

    return _mapped(one, tree, shape)


def decoded(tree: Tree, shape: Form) -> Tree:
    """The inverse of `encoded`; what is None stays None."""

    def one(leaf: Any, kind: Hashable) -> Any:
        if leaf is None:
            return None
        if kind == "complex":
            return jax.lax.complex(leaf[0], leaf[1])
        return jax.random.wrap_key_data(leaf, impl=kind[1]) if isinstance(kind, tuple) else leaf

    return _mapped(one, tree, shape)


def _mapped(function: Callable[[Any, Hashable], Any], tree: Tree, shape: Form) -> Tree:
    leaves, structure = jax.tree.flatten(tree, is_leaf=_is_none)
    return jax.tree.unflatten(structure, [function(*pair) for pair in zip(leaves, shape, strict=True)])


def _is_none(leaf: Any) -> bool:
    return leaf is None


def mapped_zero(tree: Any) -> Array:
    """A zero that `vmap` maps where it maps the tree.

    What starts in a loop as a constant and is mapped later on makes `vmap` trace the loop's body again, and
    in nested loops again for each of these times. A `constant` made with this zero is mapped at once.
    """
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    firsts = [leaf.ravel()[0] for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.number)]
    return sum((jnp.where(first == first, 0, 0).astype(jnp.int8) for first in firsts), start=jnp.int8(0))


def constant(value: int, mapped: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of one value, mapped as the zero `mapped` is."""
    own = jax.lax.convert_element_type(mapped, dtype)
    return jax.lax.broadcast(own + value if value else own, shape)


def alone(tree: Tree) -> Tree:
    """A tree as the only one of many."""
    return jax.tree.map(lambda leaf: leaf[None], tree)


def joined(first: Any, then: Any) -> Any:
    """Many trees, and after them more."""
    return jax.tree.map(lambda one, other: jnp.concatenate([one, other]), first, then)


def turned(trees: Tree) -> Tree:
    """Many trees, the last one first."""
    return jax.tree.map(lambda leaf: jnp.flip(leaf, 0), trees)

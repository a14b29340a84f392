"""A state of numbers with a gradient and of others: told apart, and the others carried along the inputs."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from gradlab.types import Step

Tree = Any


def has_gradient(leaf: Any) -> bool:
    """Whether a leaf holds numbers that a derivative may be taken in: real or complex."""
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


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
    def keeps(self) -> Any:
        return self.made.keeps

    def openings(self, params: Tree, numbers: Tree, x: tuple[Tree, Tree]) -> Any:
        return self.made.openings(params, merged(numbers, x[1]), x[0])

    def readout(self, numbers: Tree) -> Tree:
        return self.made.readout(numbers)


def carried(step: Step, params: Tree, state: Tree, xs: Tree, cell: Any = None) -> tuple[Step, Tree, Tree, Any]:
    """The step, state, inputs and cell of a recurrence in what has a gradient alone.

    The rest of each state (counters, truth values, the data of random keys) is worked out beforehand, and
    enters each step beside its input: the same states, and the same derivatives. A state without a rest
    comes back as it is.
    """
    numbers, others = split(state)
    if not jax.tree.leaves(others):
        return step, state, xs, cell

    def one(state: Tree, x: Tree) -> tuple[Tree, Tree]:
        return step(params, state, x), split(state)[1]

    _, rests = jax.lax.scan(one, state, xs)

    def seen(params: Tree, numbers: Tree, x: tuple[Tree, Tree]) -> Tree:
        return split(step(params, merged(numbers, x[1]), x[0]))[0]

    return seen, numbers, (xs, rests), None if cell is None else _Moving(cell)

"""What cells that are made of another cell have in common."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from gradlab import registry
from gradlab.types import AnyCell, Cell

Params = TypeVar("Params")
State = TypeVar("State")


class Wrapper(Cell[Params, State]):
    """A cell made of another, named by its setting `cell`: what holds of that one holds of it."""

    cell: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cell", registry.label("cells", self.cell))

    @property
    def inner(self) -> AnyCell:
        """The cell that it is made of."""
        made: AnyCell = registry.make("cells", self.cell)
        return made

    @property
    def gates(self) -> tuple[str, ...]:
        return self.inner.gates

    @property
    def memory(self) -> str:
        return self.inner.memory

    @property
    def fixed(self) -> tuple[str, ...]:
        return self.inner.fixed

    @property
    def has_gain(self) -> bool:
        return self.inner.has_gain

    @property
    def surrogate(self) -> bool:
        return self.inner.surrogate

    @property
    def rescales(self) -> bool:
        return self.inner.rescales

    @property
    def carry_gate(self) -> str | None:
        return self.inner.carry_gate


def read_out(cell: AnyCell, state: Any) -> int:
    """Which leaf of the cell's state is its readout."""
    # Marks, since two parts of a state may be one array.
    marks = jax.tree.map(jnp.zeros_like, state)
    read = cell.readout(marks)
    found = [k for k, mark in enumerate(jax.tree.leaves(marks)) if mark is read]
    if not found:
        raise TypeError(f"{type(cell).__name__} cannot be wrapped: its readout is no part of its state")
    return found[0]

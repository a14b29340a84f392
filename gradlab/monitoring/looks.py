"""One look: the network of a moment of its training, measured on sequences of its batch."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from gradlab.errors import GradlabError
from gradlab.studies.measure.collect import together
from gradlab.studies.sweep import alone, modules, single

if TYPE_CHECKING:
    import xarray

Tree = Any


@dataclasses.dataclass(frozen=True)
class How:
    """How every look is measured, as `gradlab.measure` takes it."""

    objective: Any = "unit"
    loss: Callable[[Any, Any], Any] | None = None
    readout: Callable[[Any], Any] | None = None
    w_rec: Callable[[Any], Any] | None = None
    seed: int = 0
    probe: str | Sequence[str] = ()
    arch: str | None = None
    activation: str | None = None


class Call(NamedTuple):
    """What a call of the training gave."""

    update: int
    step: Any
    params: Tree
    state: Tree
    batch: Tree
    """Arrays (B, T, ...)"""
    targets: Tree
    """Arrays (B, ...), or nothing."""
    grads: Tree

    @property
    def is_jax(self) -> bool:
        """Whether the step is a function, whose parameters a call passes."""
        return not modules.meant(self.step)

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences and steps of the batch.

        Raises:
          GradlabError: for a batch that has none.
        """
        leaves = jax.tree.leaves(self.batch)
        shapes = {tuple(np.shape(leaf)[:2]) for leaf in leaves}
        if len(shapes) != 1 or len(next(iter(shapes))) < 2 or 0 in next(iter(shapes)):
            told = ", ".join(str(np.shape(leaf)) for leaf in leaves) or "nothing"
            raise GradlabError("batch", f"has shape {told}; a batch is arrays (B, T, ...) of B sequences")
        sequences, steps = next(iter(shapes))
        return int(sequences), int(steps)

    def sequence(self, i: int) -> tuple[Tree, Tree]:
        """Inputs and targets of one sequence."""
        pick = lambda leaf: leaf[i] if hasattr(leaf, "shape") else np.asarray(leaf)[i]
        return jax.tree.map(pick, self.batch), jax.tree.map(pick, self.targets)


class Look(NamedTuple):
    """What a look has found."""

    update: int
    norms: "xarray.Dataset"
    """The cells as `gradlab.measure` names them; a sequence for each place on the axis `seed`."""


def measured(call: Call, i: int, how: How) -> "xarray.Dataset":
    """What `gradlab.measure` gives of one sequence of the batch."""
    xs, targets = call.sequence(i)
    asked = {field.name: getattr(how, field.name) for field in dataclasses.fields(how)}
    asked |= {"targets": targets} if how.loss is not None else {}
    given = (call.step, call.params, call.state, xs) if call.is_jax else (call.step, xs, call.state)
    return alone.measure(*given, **asked).assign_coords(w_rec=np.ones(1))


def drawn(call: Call, count: int, seed: int, first: Sequence[int] = ()) -> list[int]:
    """Which sequences of the batch are looked at: `first`, and others drawn by seed and update."""
    order = np.random.default_rng([seed, call.update]).permutation(call.shape[0]).tolist()
    return [*first, *(i for i in order if i not in first)][:count]


def look(call: Call, sequences: Sequence[int], how: How) -> Look:
    """Measure these sequences of the batch."""
    with single.of_one_network():
        found = [measured(call, i, how) for i in sequences]
    placed = [one.assign_coords(seed=[i]) for i, one in enumerate(found)]
    return Look(call.update, together(placed))

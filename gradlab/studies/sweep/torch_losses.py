"""The terms of a loss on the steps of a torch module: `(state_t, t) -> dL_t/dstate_t`, as lists of leaves."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.foreign.pytorch import cells
from gradlab.foreign.pytorch.cells import Cell, Tensors
from gradlab.foreign.pytorch.known import array, is_tensor
from gradlab.recurrence import objectives
from gradlab.studies.sweep.networks import stream

Term = Callable[[Tensors, int], Tensors]
Read = Callable[[Any], Any] | None


def drawn(cell: Cell, objective: Any, readout: Read, seed: int) -> Term:
    """The terms of an objective by name, with the target of the stream that a step of JAX draws from."""
    import torch

    def read(leaves: Tensors) -> Tensors:
        whole = cell.rebuilt(leaves)
        found = whole if readout is None or objective == "unit" else readout(whole)
        return cells.leaves(found)

    with jax.enable_x64(cell.precision == "float64"):
        shown = [jax.numpy.asarray(leaf.detach().numpy()) for leaf in read(cell.state)]
        key = stream(seed, "target", objective=objective)
        target = [
            torch.tensor(np.asarray(leaf))
            for leaf in objectives.draw_target(objective, key, shown, lambda leaves: leaves)
        ]
    if objective == "unit":
        return lambda leaves, t: [leaf.clone() for leaf in target]

    def loss(leaves: Tensors, t: int) -> Any:
        misses = [((h - y) ** 2).sum() / 2 for h, y in zip(read(leaves), target, strict=True)]
        return torch.stack(misses).sum()

    return lambda leaves, t: _gradient(loss, leaves, t)


def own(cell: Cell, loss: Callable[[Any, Any], Any], targets: Any, readout: Read, steps: int | None) -> Term:
    """The terms of somebody's loss of one readout and its target, tensors both.

    `steps` is T of a loss at every step, whose targets are one for each; else the last step has the only one.

    Raises:
      GradlabError: for a loss that fails or gives more than one number, and for targets that are not one for
        each step of a loss at every step.
    """
    import torch

    whole = cells.mapped(_tensor, "targets", targets)
    for where, leaf in _named("targets", whole) if steps is not None else ():
        if not is_tensor(leaf) or leaf.ndim == 0 or len(leaf) != steps:
            came = f"has {len(leaf)} entries" if is_tensor(leaf) and leaf.ndim else "is a single number"
            raise GradlabError(where, f"{came}; a loss at every step takes one for each of the {steps} steps")

    def one(leaves: Tensors, t: int) -> Any:
        seen = cell.rebuilt(leaves)
        now = whole if steps is None else cells.mapped(lambda _, leaf: leaf[t - 1], "targets", whole)
        return loss(seen if readout is None else readout(seen), now)

    try:
        with torch.no_grad():
            found = one(cell.state, 1)
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        what = f"fails on one readout and its target: {type(error).__name__}: {shown(said, 160)}"
        raise GradlabError("loss", what) from error
    if not is_tensor(found) or found.numel() != 1 or not found.is_floating_point():
        came = cells.told(found)
        raise GradlabError("loss", f"returns {came}; it must return one real number")
    return lambda leaves, t: _gradient(one, leaves, t)


def _gradient(loss: Callable[[Tensors, int], Any], leaves: Tensors, t: int) -> Tensors:
    import torch

    own = [leaf.detach().requires_grad_() for leaf in leaves]
    with torch.enable_grad():
        found = loss(own, t).reshape(())
    if not found.requires_grad:
        return [torch.zeros_like(leaf) for leaf in own]
    sent = torch.autograd.grad(found, own, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(sent, own, strict=True)]


def _tensor(where: str, leaf: Any) -> Any:
    import torch

    if is_tensor(leaf):
        if leaf.is_floating_point():
            array(where, leaf)
        return leaf.detach().cpu().clone()
    given = np.asarray(leaf)
    return torch.tensor(array(where, leaf) if given.dtype.kind == "f" else given)


def _named(where: str, tree: Any) -> Iterator[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    cells.mapped(lambda name, leaf: pairs.append((name, leaf)), where, tree)
    return iter(pairs)

"""Parameters and gradients of a training, of JAX, torch or numpy: whether they are finite, and their norm."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.foreign.pytorch import known
from gradlab.recurrence import brought
from gradlab.recurrence.trees import has_gradient

Tree = Any


def params_of(step: Any, params: Tree) -> Tree:
    """The parameters: a module of torch and weights by name hold their own."""
    if known.is_module(step):
        return dict(step.named_parameters())
    return dict(step) if isinstance(step, Mapping) else params


def grads_of(step: Any, grads: Tree) -> Tree:
    """The gradients that were given, or that a module of torch holds after `backward()`; None for none."""
    if grads is not None or not known.is_module(step):
        return grads
    held = {name: p.grad for name, p in step.named_parameters() if p.grad is not None}
    return held or None


@jax.jit
def _all_finite(leaves: list[Any]) -> Any:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def not_finite(root: str, tree: Tree) -> str:
    """The name of the first leaf with a number that is not finite; empty if all are."""
    leaves = _numeric(root, tree)
    # All of JAX at once: one program, and one wait for the device.
    ours = [leaf for _, leaf in leaves if isinstance(leaf, jax.Array)]
    fine = not ours or bool(_all_finite(ours))
    for name, leaf in leaves:
        if fine and isinstance(leaf, jax.Array):
            continue
        if not bool((leaf.isfinite() if known.is_tensor(leaf) else np.isfinite(np.asarray(leaf))).all()):
            return name
    return ""


def norm(tree: Tree) -> float:
    """The Euclidean norm of all numbers together, in float64."""
    squares = 0.0
    for _, leaf in _numeric("", tree):
        values = leaf.detach().cpu().double().numpy() if known.is_tensor(leaf) else np.asarray(leaf)
        squares += float((np.abs(values).astype(np.float64) ** 2).sum())
    return float(np.sqrt(squares))


def _numeric(root: str, tree: Tree) -> list[tuple[str, Any]]:
    """The leaves that hold floating-point numbers, by name."""
    found = []
    for name, leaf in brought.named(root, tree):
        kind = leaf.is_floating_point() if known.is_tensor(leaf) else has_gradient(leaf)
        if kind:
            found.append((name, leaf.detach() if known.is_tensor(leaf) else leaf))
    return found

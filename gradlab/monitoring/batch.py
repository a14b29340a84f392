"""A plain gradient of every sequence of a batch, in the training's own format: which of them are lost."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.monitoring.looks import Call, How
from gradlab.recurrence import brought, given
from gradlab.recurrence.trees import has_gradient
from gradlab.studies.sweep.single import compiled

Tree = Any


class Sent(NamedTuple):
    """What a gradient of each sequence has given."""

    lost: list[int]
    """The sequences with a readout, a loss or a gradient that is not finite."""
    norm: float
    """Of the mean gradient over the batch, of the loss of each sequence."""


def gradients(call: Call, how: How) -> Sent:
    """The gradient of each sequence of the batch, one after another, by plain autodiff of a step of JAX.

    Without a loss what is sent back is 1 for each number that the readout gives at the last step, or at every
    step: what is not finite is found, and the norm means nothing.
    """
    numbers, rebuilt = given.parameters(call.params)
    state = jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), brought.arrays("state", call.state))
    read = how.readout or (lambda state: state)
    every = how.objective == "every"

    def loss_of(numbers: Tree, state: Tree, xs: Tree, targets: Tree) -> tuple[Any, Any]:
        def advance(state: Tree, x: Tree) -> tuple[Tree, Tree]:
            after = call.step(rebuilt(numbers), state, x)
            after = jax.tree.map(_as, after, state)
            return after, read(after)

        reads = jax.lax.scan(advance, state, xs)[1]
        finite = _finite(reads)
        told = reads if every else jax.tree.map(lambda leaf: leaf[-1], reads)
        if how.loss is None:
            real = [jnp.real(leaf).sum() for leaf in jax.tree.leaves(told) if has_gradient(leaf)]
            return jnp.stack(real).sum(), finite
        return (jax.vmap(how.loss)(told, targets).sum() if every else how.loss(told, targets)), finite

    def all_of(numbers: Tree, state: Tree, sequences: tuple[Tree, Tree]) -> tuple[Tree, Any]:
        def one(total: Tree, sequence: tuple[Tree, Tree]) -> tuple[Tree, Any]:
            (value, finite), sent = jax.value_and_grad(loss_of, has_aux=True)(numbers, state, *sequence)
            total = jax.tree.map(jnp.add, total, sent)
            return total, finite & jnp.isfinite(value) & _finite(sent)

        return jax.lax.scan(one, jax.tree.map(jnp.zeros_like, numbers), sequences)

    sequences = brought.arrays("batch", call.batch), brought.arrays("targets", call.targets)
    total, fine = compiled(all_of, numbers, state, sequences)
    squares = [float((np.abs(np.asarray(leaf, np.float64)) ** 2).sum()) for leaf in jax.tree.leaves(total)]
    return Sent(np.flatnonzero(~np.asarray(fine)).tolist(), float(np.sqrt(sum(squares))) / len(fine))


def forward_leaves(call: Call, i: int, step: int) -> list[str]:
    """The leaves of a sequence's state that are not finite after a step of JAX."""
    xs = brought.arrays("xs", call.sequence(i)[0])
    state = jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), brought.arrays("state", call.state))

    def advance(state: Tree, x: Tree) -> tuple[Tree, Tree]:
        after = jax.tree.map(_as, call.step(call.params, state, x), state)
        return after, None

    before = jax.tree.map(lambda leaf: leaf[:step], xs)
    after = jax.lax.scan(advance, state, before)[0]
    return [
        name.removeprefix("state").strip(".") or "state"
        for name, leaf in brought.named("state", after)
        if has_gradient(leaf) and not bool(jnp.isfinite(leaf).all())
    ]


def _as(new: Any, old: Any) -> Any:
    return new if getattr(new, "dtype", None) == old.dtype else jnp.asarray(new, old.dtype)


def _finite(tree: Tree) -> Any:
    parts = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree) if has_gradient(leaf)]
    return jnp.stack(parts).all()

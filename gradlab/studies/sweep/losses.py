"""A loss that somebody gives to `gradlab.measure`, and resets within its sequence."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab import digests
from gradlab.errors import GradlabError, shown
from gradlab.recurrence import brought, given, objectives
from gradlab.recurrence.given import Network
from gradlab.recurrence.trees import decoded, form
from gradlab.studies.sweep import single
from gradlab.types import Examples, Objective

Tree = Any


class Aimed(NamedTuple):
    """An objective as a function of what it compares with: another target needs no other program."""

    of: Callable[[Tree], Objective]
    targets: Tree
    fixed: str = ""
    """The digest of targets that `of` holds itself."""


class OwnExamples(NamedTuple):
    """Further sequences with their targets; the loss is of a sequence's readouts, flat, (T, numbers)."""

    examples: Examples
    loss: Callable[[Any, Any], Any]


def own(
    net: Network,
    loss: Callable[[Any, Any], Any],
    targets: Tree,
    *,
    every: bool,
    readout: Callable[[Any], Any],
    state: Tree,
) -> Aimed:
    """The objective of a loss, which sees what the `readout` of the given `state` would give it.

    A loss that asks in Python what its target is (`int(target)`) is another function for each of them.

    Raises:
      GradlabError: for a loss that fails or returns more than one number, and for targets that are not one
        for each step of a loss at every step.
    """
    targets = brought.arrays("targets", targets)
    length = len(jax.tree.leaves(net.xs)[0])
    for name, leaf in brought.named("targets", targets) if every else ():
        if leaf.ndim == 0 or len(leaf) != length:
            came = f"has {len(leaf)} entries" if leaf.ndim else "is a single number"
            raise GradlabError(name, f"{came}; a loss at every step takes one for each of the {length} steps")
    brought.finite("targets", targets)
    read = single.once("reading", lambda: reading(net, readout, state))
    first = jax.tree.map(lambda leaf: leaf[0], targets) if every else targets
    looked_at = loss, read, net.state, first

    def asks() -> bool:
        if not every and _asks(*looked_at):
            return True
        _check(*looked_at)
        return False

    if single.once(("loss", every, single.signature(first)), asks):
        # Of another target it is another function, which may fail where the first did not.
        _check(*looked_at)
        terms = objectives.own(loss, targets, read, every)
        return Aimed(lambda nothing: terms, (), digests.of_arrays(targets))
    return Aimed(lambda targets: objectives.own(loss, targets, read, every), targets)


def _asks(loss: Callable[[Any, Any], Any], read: Callable[[Any], Any], state: Tree, target: Tree) -> bool:
    """Whether a loss can only be traced with the value of its target at hand."""
    try:
        jax.eval_shape(lambda state, target: loss(read(state), target), given.numbers(state), target)
    except Exception:
        # Of JAX's kinds or of the loss's own: whatever it is, the value of the target was missing.
        return True
    return False


def reading(net: Network, readout: Callable[[Any], Any], state: Tree) -> Callable[[Tree], Tree]:
    """What a loss is given of the numbers of a state: its `readout`, as it is of the given `state`."""
    shape = form("readout", jax.eval_shape(readout, state))
    return lambda numbers: decoded(net.readout(numbers), shape)


def _check(loss: Callable[[Any, Any], Any], read: Callable[[Any], Any], state: Tree, targets: Tree) -> None:
    """Refuse a loss that is no function to one number."""
    try:
        found = jax.eval_shape(lambda state: loss(read(state), targets), given.numbers(state))
    except Exception as error:
        lines = str(error).splitlines() or [""]
        what = f"fails on one readout and its target: {type(error).__name__}: {shown(lines[0].strip(), 160)}"
        raise GradlabError("loss", what) from error
    one = getattr(found, "shape", None) == () and jnp.issubdtype(found.dtype, jnp.floating)
    if not one:
        came = f"{found.dtype}{list(found.shape)}" if hasattr(found, "shape") else type(found).__name__
        raise GradlabError("loss", f"returns {came}; it must return one real number")


def examples(
    net: Network,
    loss: Callable[[Any, Any], Any],
    pair: tuple[Tree, Tree],
    *,
    every: bool,
    readout: Callable[[Any], Any],
    state: Tree,
) -> OwnExamples:
    """Sequences with their targets, and the loss of what is read of them.

    Raises:
      GradlabError: for another number of targets than of sequences, an odd or too small one, sequences of
        another form than the one that is measured, and a state that is not of real numbers alone.
    """
    xs, targets = brought.arrays("examples[0]", pair[0]), brought.arrays("examples[1]", pair[1])
    leaves = jax.tree.leaves(xs)
    count = len(leaves[0]) if leaves and leaves[0].ndim else 0
    if count < 16 or count % 2:
        raise GradlabError("examples", f"holds {count} sequences; an even number, 16 or more, goes in pairs")
    here = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(net.xs)]
    alike = here == [(leaf.shape[1:], leaf.dtype) for leaf in leaves]
    if not alike or repr(jax.tree.structure(net.xs)) != repr(jax.tree.structure(xs)):
        what = "has sequences of another form than xs, or the state holds more than real numbers"
        raise GradlabError("examples", f"{what}; each sequence is as xs is, in an array (sequences, T, ...)")
    steps = len(jax.tree.leaves(net.xs)[0])
    for name, leaf in brought.named("examples[1]", targets):
        if leaf.shape[:1] != (count,) or (every and leaf.shape[:2] != (count, steps)):
            wanted = f"({count}, {steps}, ...)" if every else f"({count}, ...)"
            raise GradlabError(name, f"has the shape {leaf.shape}; there are targets for all: {wanted}")
    for pair_ in (("examples[0]", xs), ("examples[1]", targets)):
        brought.finite(*pair_)
    shape = form("readout", jax.eval_shape(readout, state))
    _, unflat = ravel_pytree(net.readout(net.state))

    def read(row: Any) -> Any:
        return decoded(unflat(row), shape)

    def whole(outputs: Any, target: Tree) -> Any:
        if not every:
            return loss(read(outputs[steps - 1]), target)
        return jax.vmap(lambda row, own: loss(read(row), own))(outputs, target).sum()

    return OwnExamples(Examples(xs, targets), whole)


def resetting(
    step: Callable[..., Any], state: Tree, xs: Tree, resets: Any
) -> tuple[Callable[..., Any], Tree]:
    """The step that starts from the initial state again where told to, and its inputs.

    state_t = step(params, state_0 if resets[t-1] else state_{t-1}, xs[t-1])

    The derivative by the state before a reset is zero by definition.

    Raises:
      GradlabError: for anything but one truth value for each step.
    """
    length = len(jax.tree.leaves(xs)[0])
    starts = np.asarray(resets)
    if starts.dtype != bool or starts.shape != (length,):
        came = f"{starts.dtype}{list(starts.shape)}"
        raise GradlabError("resets", f"is {came}; write True or False for each of the {length} steps")

    def again(params: Tree, before: Tree, x: tuple[Tree, Any]) -> Tree:
        begin = jax.tree.map(lambda start, now: jnp.where(x[1], start, now), state, before)
        return step(params, begin, x[0])

    return again, (xs, starts)

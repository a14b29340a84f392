"""A loss that somebody gives to `gradlab.measure`, and resets within its sequence."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.recurrence import given, objectives
from gradlab.recurrence.given import Network
from gradlab.recurrence.trees import decoded, form
from gradlab.types import Objective

Tree = Any


class Aimed(NamedTuple):
    """An objective as a function of what it compares with: another target needs no other program."""

    of: Callable[[Tree], Objective]
    targets: Tree


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
    targets = given.arrays("targets", targets)
    length = len(jax.tree.leaves(net.xs)[0])
    for name, leaf in given.named("targets", targets) if every else ():
        if leaf.ndim == 0 or len(leaf) != length:
            came = f"has {len(leaf)} entries" if leaf.ndim else "is a single number"
            raise GradlabError(name, f"{came}; a loss at every step takes one for each of the {length} steps")
    given.finite("targets", targets)
    read = reading(net, readout, state)
    first = jax.tree.map(lambda leaf: leaf[0], targets) if every else targets
    _check(loss, read, net.state, first)
    if not every and _asks(loss, read, net.state, first):
        terms = objectives.own(loss, targets, read, every)
        return Aimed(lambda nothing: terms, ())
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

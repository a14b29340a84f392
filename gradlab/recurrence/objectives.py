"""What L is: a random unit cotangent at step T, or a loss at the last step or at every step."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gradlab.recurrence import indexing
from gradlab.recurrence.trees import split
from gradlab.types import Key, Objective

ObjectiveName = Literal["unit", "last", "every"]
NAMES: tuple[str, ...] = get_args(ObjectiveName)


def draw_target(name: ObjectiveName, key: Key, state: Any, readout: Callable[[Any], Any]) -> Any:
    """What an objective is drawn from: a unit vector in the state's form, or a target in the readout's.

    unit:           u = z / |z|,   z ~ N(0, 1), one entry per state entry
    last, every:    y ~ N(0, 1), one entry per readout entry

    What has no gradient (integers, truth values) is left out.
    """
    flat, unravel = ravel_pytree(split(state if name == "unit" else readout(state))[0])
    drawn = jax.random.normal(key, flat.shape, flat.dtype)
    return unravel(drawn / jnp.linalg.norm(drawn) if name == "unit" else drawn)


def objective(name: ObjectiveName, target: Any, readout: Callable[[Any], Any]) -> Objective:
    """The objective of that name.

    unit:   L = u . state_T                          profiles of different cells compare directly
    last:   L = 1/2 |readout(state_T) - y|^2
    every:  L = sum_{t=1..T} 1/2 |readout(state_t) - y|^2
    """
    if name == "unit":
        return Objective(lambda state: target, every=False)

    def loss(state: Any) -> Any:
        misses = jax.tree.map(lambda h, y: jnp.sum((h - y) ** 2) / 2, split(readout(state))[0], target)
        return jnp.stack(jax.tree.leaves(misses)).sum()

    return Objective(jax.grad(loss), every=name == "every")


def own(loss: Callable[[Any, Any], Any], targets: Any, read: Callable[[Any], Any], every: bool) -> Objective:
    """The objective of a loss that somebody gives, of one step's readout and target.

    last:   L = loss(readout(state_T), targets)
    every:  L = sum_{t=1..T} loss(readout(state_t), targets[t-1])
    """
    if not every:
        return Objective(jax.grad(lambda state: loss(read(state), targets)), every=False)

    def term(state: Any, t: Any) -> Any:
        at = jnp.maximum(jnp.asarray(t, jnp.int32) - 1, 0)
        now = indexing.at(targets, at)
        return jax.grad(lambda state: loss(read(state), now))(state)

    return Objective(lambda state: term(state, 1), every=True, stepwise=term)

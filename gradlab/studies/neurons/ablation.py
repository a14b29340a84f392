"""A unit held at its mean: what the network loses without what the unit says."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab.stats import Interval, mean_interval
from gradlab.studies.neurons.networks import leaves, units
from gradlab.studies.neurons.training import BITS
from gradlab.studies.remedies.networks import Setting, Weights

Tree = Any
LONG = 10_000
"""Characters that are read so."""
STRETCH = 250
"""Characters whose mean is one value of an interval."""


def losses(
    setting: Setting, weights: Weights, state: Tree, codes: NDArray[np.int32], means: dict[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """The change of every next character's bits, by (unit, character): unit k of all leaves at its mean."""
    found = _ablated(setting)(weights, state, jnp.asarray(codes), jax.tree.map(jnp.asarray, means))
    bits: NDArray[np.float32] = np.asarray(found)
    return bits[1:] - bits[:1]


@functools.cache
def _ablated(setting: Setting) -> Any:
    cell, symbols, count = setting.cell, setting.task.symbols, setting.hidden

    def one(weights: Weights, state: Tree, codes: Array, means: dict[str, Array], k: Array) -> Array:
        held = jnp.arange(count) == k
        names = units(setting, state)

        def freeze(state: Tree) -> Tree:
            kept = [
                jnp.where(held, means[name], leaf) if name in names else leaf for name, leaf in leaves(state)
            ]
            return jax.tree.unflatten(jax.tree.structure(state), kept)

        def step(state: Tree, item: tuple[Array, Array]) -> tuple[Tree, Array]:
            x = jax.nn.one_hot(item[0], symbols, dtype=weights.b_out.dtype)
            state = freeze(cell.step(weights.cell, state, x))
            log = jax.nn.log_softmax(weights.w_out @ cell.readout(state) + weights.b_out)
            return state, -log[item[1]] * BITS

        found: Array = jax.lax.scan(step, state, (codes[:-1], codes[1:]))[1]
        return found

    def run(weights: Weights, state: Tree, codes: Array, means: dict[str, Array]) -> Array:
        # The first holds none.
        return jax.vmap(one, (None, None, None, None, 0))(weights, state, codes, means, jnp.arange(-1, count))

    return jax.jit(run)


class Held(NamedTuple):
    """The change of the bits per character when a unit is held at its mean."""

    inside: Interval
    """Of a label: the mean over stretches of the text that have some of it, and its interval."""
    outside: float


def held(loss: NDArray[np.float32], inside: NDArray[np.bool_]) -> Held:
    """What the losses of one unit come to, inside of a label and outside."""
    found = []
    for start in range(0, len(loss), STRETCH):
        here = inside[start : start + STRETCH]
        if here.any():
            found.append(float(loss[start : start + STRETCH][here].mean()))
    outside = float(loss[~inside].mean()) if not inside.all() else float("nan")
    return Held(mean_interval(found), outside)

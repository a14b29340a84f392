"""What a network does along a text: every unit at every character, and what it expects next."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab.studies.neurons.networks import leaves, units
from gradlab.studies.neurons.training import BITS
from gradlab.studies.remedies.networks import Setting, Weights

Tree = Any
TOP = 5
"""Next characters that are told."""


class Read(NamedTuple):
    """A network along a text, by character."""

    units: dict[str, NDArray[np.float32]]
    """By leaf of the state, and by gate as `gate_f`: (character, unit), after it has been read."""
    top: NDArray[np.int32]
    probability: NDArray[np.float32]
    place: NDArray[np.int32]
    """The rank of the true next character, from 1; 0 for the last."""
    bits: NDArray[np.float32]
    """-log2 of its probability; NaN for the last."""


def read(setting: Setting, weights: Weights, state: Tree, codes: NDArray[np.int32]) -> Read:
    """Read a text from the first state on, in one go."""
    following = np.concatenate([codes[1:], codes[-1:]])
    found = _reading(setting)(weights, state, jnp.asarray(codes), jnp.asarray(following))
    kept, top, probability, place, bits = jax.tree.map(np.asarray, found)
    # A dict comes back from a program sorted by its names.
    names = [*units(setting, state), *(f"gate_{name}" for name in setting.cell.gates)]
    kept = {name: kept[name] for name in names if name in kept}
    place, bits = place.copy(), bits.copy()
    place[-1], bits[-1] = 0, np.nan
    return Read(kept, top, probability, place, bits)


@functools.cache
def _reading(setting: Setting) -> Any:
    cell, symbols = setting.cell, setting.task.symbols

    def run(weights: Weights, state: Tree, codes: Array, following: Array) -> Any:
        names = units(setting, state)
        few = min(TOP, symbols)

        def body(state: Tree, item: tuple[Array, Array]) -> tuple[Tree, Any]:
            code, true = item
            x = jax.nn.one_hot(code, symbols, dtype=weights.b_out.dtype)
            gates = cell.gate_values(weights.cell, state, x)
            state = cell.step(weights.cell, state, x)
            logits = weights.w_out @ cell.readout(state) + weights.b_out
            log = jax.nn.log_softmax(logits)
            best, top = jax.lax.top_k(log, few)
            kept = {name: leaf for name, leaf in leaves(state) if name in names}
            kept |= {f"gate_{name}": value for name, value in gates.items()}
            place = 1 + jnp.sum(log > log[true], dtype=jnp.int32)
            return state, (kept, top.astype(jnp.int32), jnp.exp(best), place, -log[true] * BITS)

        return jax.lax.scan(body, state, (codes, following))[1]

    return jax.jit(run)


def starts(setting: Setting, weights: Weights, state: Tree, codes: NDArray[np.int32], every: int) -> Tree:
    """The states before each `every`-th character, stacked."""
    count = -(-len(codes) // every)
    # Beyond the end nothing is read that is kept.
    padded = np.concatenate([codes, np.zeros(count * every - len(codes), np.int32)])
    return _starting(setting)(weights, state, jnp.asarray(padded.reshape(count, every)))


@functools.cache
def _starting(setting: Setting) -> Any:
    cell, symbols = setting.cell, setting.task.symbols

    def run(weights: Weights, state: Tree, rows: Array) -> Tree:
        def step(state: Tree, code: Array) -> tuple[Tree, None]:
            x = jax.nn.one_hot(code, symbols, dtype=weights.b_out.dtype)
            return cell.step(weights.cell, state, x), None

        return jax.lax.scan(lambda state, row: (jax.lax.scan(step, state, row)[0], state), state, rows)[1]

    return jax.jit(run)

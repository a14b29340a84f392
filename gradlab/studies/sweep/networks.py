"""Random numbers: weights, inputs and targets, from streams that know nothing of positions.

Everything is drawn in float64 from one stream and cast afterwards, so that both precisions see the same
network.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.recurrence.objectives import ObjectiveName, draw_target
from gradlab.types import Initializer, Key

Tree = Any


def stream(seed: int, name: str, /, **content: Any) -> Key:
    """The random key of a stream: a hash of the base seed, what the point is and what the stream is for.

    It knows nothing of positions, so a grid that grows changes none of its numbers.
    """
    text = json.dumps([seed, name, content], sort_keys=True)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.uint32)
    key: Key = jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")
    return key


def draw_networks(
    cell: Any,
    initializer: Any,
    name: ObjectiveName,
    sizes: tuple[int, int, int],
    weight_keys: Sequence[Key],
    target_keys: Sequence[Key],
    w_rec: Sequence[float],
    jit: Callable[..., Any] = jax.jit,
) -> tuple[Tree, Tree, Tree]:
    """Parameters, initial states and the objective's targets in float64, axes (w_rec, key).

    `sizes` are (D, N, B); the targets have an axis of B behind those two. `jit` compiles the draw.
    """
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        draw = _drawing(cell, initializer, name, sizes, jit)
        drawn = draw(jnp.asarray(w_rec), jnp.stack(list(weight_keys)), jnp.stack(list(target_keys)))
        params, state, target = jax.tree.map(np.asarray, drawn)
        return params, state, target


@functools.cache
def _drawing(
    cell: Any,
    initializer: Initializer,
    name: ObjectiveName,
    sizes: tuple[int, int, int],
    jit: Callable[..., Any],
) -> Any:
    d_in, d_hidden, batch = sizes

    def network(w_rec: Any, weight_key: Key, target_key: Key) -> tuple[Tree, Tree, Tree]:
        params, state = cell.init(weight_key, d_in, d_hidden, w_rec, initializer)
        keys = jax.vmap(lambda b: jax.random.fold_in(target_key, b))(jnp.arange(batch))
        return params, state, jax.vmap(lambda k: draw_target(name, k, state, cell.readout))(keys)

    # What does not depend on w_rec, the decompositions above all, is worked out once a key.
    return jit(jax.vmap(jax.vmap(network, (None, 0, 0)), (0, None, None)))


def draw_inputs(keys: Sequence[Key], sizes: tuple[int, int, int], std: float) -> NDArray[Any]:
    """White noise (keys, B, length, D), float64, for sizes (B, length, D); a prefix of every longer draw."""
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        return std * np.asarray(_normal(jnp.stack(list(keys)), sizes))


@functools.partial(jax.jit, static_argnums=1)
def _normal(keys: Any, sizes: tuple[int, int, int]) -> Any:
    batch, length, d_in = sizes

    def sequences(key: Key) -> Any:
        each = jax.vmap(lambda b: jax.random.fold_in(key, b))(jnp.arange(batch))
        return jax.vmap(lambda k: jax.random.normal(k, (length, d_in), jnp.float64))(each)

    return jax.vmap(sequences)(keys)

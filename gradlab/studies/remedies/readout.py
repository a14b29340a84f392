"""A readout fitted in closed form, for a cell of which nothing is trained."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gradlab.studies.remedies import loop
from gradlab.studies.remedies.loop import Lane, Look, Setting, Weights
from gradlab.types import Example

RIDGE = 1e-7
"""Of the mean square of the features: added to each on the diagonal."""


def fit(setting: Setting, lanes: Lane, updates: int, key: Any) -> tuple[Lane, Look]:
    """Every lane's readout by ridge regression on the sequences that `updates` updates would see.

    (w, b) = (H^T H + ridge |H|^2/(N+1) 1)^-1 H^T Y

    with H the hidden states at the counted steps, and a column of ones; classes are one-hot. The sums and the
    solution are in float64. Returns the lanes and their look on fresh sequences.
    """
    with jax.enable_x64(True):
        gram, cross = (np.asarray(part) for part in sums(setting)(lanes, updates))
    readouts = [_solve(g, c) for g, c in zip(gram, cross, strict=True)]
    dtype = lanes.weights.b_out.dtype
    w_out = jnp.asarray(np.stack([solution[:-1].T for solution in readouts]), dtype)
    b_out = jnp.asarray(np.stack([solution[-1] for solution in readouts]), dtype)
    weights = Weights(lanes.weights.cell, w_out, b_out)
    lanes = lanes._replace(weights=weights, updates=jnp.full_like(lanes.updates, updates))
    losses, errors = _judged(setting)(lanes, key)
    nothing = jnp.full_like(losses, jnp.nan)
    look = Look(losses, errors, losses, nothing, nothing, nothing, nothing, nothing)
    return lanes, look


def _solve(gram: Any, cross: Any) -> Any:
    ridge = RIDGE * np.trace(gram) / len(gram)
    return np.linalg.solve(gram + max(ridge, np.finfo(np.float64).tiny) * np.eye(len(gram)), cross)


@functools.cache
def sums(setting: Setting) -> Any:
    """`(lanes, updates) -> (H^T H, H^T Y)`, lane by lane."""

    def features(lane: Lane, example: Example) -> tuple[Array, Array]:
        eye = jnp.eye(setting.hidden, dtype=lane.weights.b_out.dtype)
        same = Weights(lane.weights.cell, eye, jnp.zeros(setting.hidden, eye.dtype))
        hidden, _ = loop.outputs(setting, same, lane.state, example)
        rows = jnp.concatenate([hidden, jnp.ones((len(hidden), 1), hidden.dtype)], axis=1).astype(jnp.float64)
        classes = jnp.issubdtype(example.target.dtype, jnp.integer)
        wanted = jax.nn.one_hot(example.target, len(lane.weights.b_out)) if classes else example.target
        weighed = rows * example.counted[:, None].astype(jnp.float64)
        return weighed.T @ rows, weighed.T @ wanted.astype(jnp.float64)

    def lane(one: Lane, updates: Any) -> tuple[Array, Array]:
        def batch(i: Any, sums: tuple[Array, Array]) -> tuple[Array, Array]:
            keys = jax.random.split(jax.random.fold_in(one.key, i), setting.batch)
            examples = loop.sample(setting, keys, one.weights.b_out.dtype)
            gram, cross = jax.vmap(lambda example: features(one, example))(examples)
            return sums[0] + gram.sum(0), sums[1] + cross.sum(0)

        size, outputs = setting.hidden + 1, len(one.weights.b_out)
        zero = jnp.zeros((size, size), jnp.float64), jnp.zeros((size, outputs), jnp.float64)
        found: tuple[Array, Array] = jax.lax.fori_loop(0, updates, batch, zero)
        return found

    return jax.jit(lambda lanes, updates: jax.lax.map(lambda one: lane(one, updates), lanes))


@functools.cache
def _judged(setting: Setting) -> Any:
    def every(lanes: Lane, key: Any) -> Any:
        return jax.lax.map(lambda one: loop.judge(setting, one, key, setting.eval_size), lanes)

    return jax.jit(every)

"""A readout fitted in closed form, for a cell of which nothing is trained."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gradlab.programs import Program
from gradlab.studies.remedies.losses import evaluate, outputs, sample
from gradlab.studies.remedies.networks import Evaluation, Network, Setting, Weights
from gradlab.types import Example

RIDGE = 1e-7
"""Of the mean square of the features: added to each on the diagonal."""


def fit(setting: Setting, networks: Network, updates: int, key: Any) -> tuple[Network, Evaluation]:
    """Every network's readout by ridge regression on the sequences that `updates` updates would see.

    (w, b) = (H^T H + ridge |H|^2/(N+1) 1)^-1 H^T Y

    with H the hidden states at the counted steps, and a column of ones; classes are one-hot. The sums and the
    solution are in float64. Returns the networks and their evaluation on fresh sequences.
    """
    with jax.enable_x64(True):
        gram, cross = (np.asarray(part) for part in sums(setting)(networks, jnp.int32(updates)))
    readouts = [_solve(g, c) for g, c in zip(gram, cross, strict=True)]
    dtype = networks.weights.b_out.dtype
    w_out = jnp.asarray(np.stack([solution[:-1].T for solution in readouts]), dtype)
    b_out = jnp.asarray(np.stack([solution[-1] for solution in readouts]), dtype)
    weights = Weights(networks.weights.cell, w_out, b_out)
    networks = networks._replace(weights=weights, updates=jnp.full_like(networks.updates, updates))
    losses, errors = evaluated(setting)(networks, key)
    nothing = jnp.full_like(losses, jnp.nan)
    evaluation = Evaluation(losses, errors, losses, nothing, nothing, nothing, nothing, nothing)
    return networks, evaluation


def _solve(gram: Any, cross: Any) -> Any:
    ridge = RIDGE * np.trace(gram) / len(gram)
    return np.linalg.solve(gram + max(ridge, np.finfo(np.float64).tiny) * np.eye(len(gram)), cross)


@functools.cache
def sums(setting: Setting) -> Program:
    """`(networks, updates) -> (H^T H, H^T Y)`, network by network."""

    def features(setting: Setting, network: Network, example: Example) -> tuple[Array, Array]:
        eye = jnp.eye(setting.hidden, dtype=network.weights.b_out.dtype)
        same = Weights(network.weights.cell, eye, jnp.zeros(setting.hidden, eye.dtype))
        hidden, _ = outputs(setting, same, network.state, example)
        rows = jnp.concatenate([hidden, jnp.ones((len(hidden), 1), hidden.dtype)], axis=1).astype(jnp.float64)
        classes = jnp.issubdtype(example.target.dtype, jnp.integer)
        wanted = jax.nn.one_hot(example.target, len(network.weights.b_out)) if classes else example.target
        weighed = rows * example.counted[:, None].astype(jnp.float64)
        return weighed.T @ rows, weighed.T @ wanted.astype(jnp.float64)

    def network(one: Network, updates: Any) -> tuple[Array, Array]:
        own = setting.of(one)

        def batch(i: Any, sums: tuple[Array, Array]) -> tuple[Array, Array]:
            keys = jax.random.split(jax.random.fold_in(one.key, i), setting.batch)
            examples = sample(own, keys, one.weights.b_out.dtype)
            gram, cross = jax.vmap(lambda example: features(own, one, example))(examples)
            return sums[0] + gram.sum(0), sums[1] + cross.sum(0)

        size, columns = setting.hidden + 1, len(one.weights.b_out)
        zero = jnp.zeros((size, size), jnp.float64), jnp.zeros((size, columns), jnp.float64)
        found: tuple[Array, Array] = jax.lax.fori_loop(0, updates, batch, zero)
        return found

    jitted = jax.jit(lambda networks, updates: jax.lax.map(lambda one: network(one, updates), networks))
    return Program(jitted, "fitting", setting)


@functools.cache
def evaluated(setting: Setting) -> Program:
    """`(networks, key) -> (losses, errors)`, on fresh sequences of the task."""

    def every(networks: Network, key: Any) -> Any:
        return jax.lax.map(lambda one: evaluate(setting, one, key, setting.eval_size), networks)

    return Program(jax.jit(every), "evaluation", setting)

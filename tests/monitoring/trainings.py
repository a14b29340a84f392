"""Trainings of a few updates, whose faults are planted."""

import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp

import gradlab
from gradlab.monitoring import monitor as looking

N, B, T = 2, 3, 20
BROKEN, SEQUENCE = 17, 1
"""The step and the sequence of a batch at which something is planted."""


class State(NamedTuple):
    h: jax.Array
    c: jax.Array


START = State(jnp.zeros(N), jnp.full(N, 0.5))


def step(params, state, x):
    """Input 1 in its second column: 0/0 in the derivative of c alone. In its third: infinite in h."""
    h = jnp.tanh(params["w"] @ state.h + x[0]) + x[2] / (1 - x[2])
    kink = jnp.linalg.norm(jnp.where(x[1] > 0, 0 * state.c, state.c))
    return State(h, 0.9 * state.c + 0.1 * h + 0 * kink)


def loss(c, target):
    return ((c - target) ** 2).sum()


def batch(update, column=None):
    """Inputs (B, T, 3), with a fault in a column or with none."""
    noise = jax.random.normal(jax.random.key(update), (B, T, 1))
    xs = jnp.concatenate([noise, jnp.zeros((B, T, 2))], axis=-1)
    return xs if column is None else xs.at[SEQUENCE, BROKEN - 1, column].set(1.0)


TARGETS = jnp.ones((B, N))


def mean_loss(params, xs):
    """What the training itself follows, by plain autodiff."""

    def one(xs, target):
        return loss(jax.lax.scan(lambda s, x: (step(params, s, x), None), START, xs)[0].c, target)

    return jax.vmap(one)(xs, TARGETS).mean()


gradient = jax.jit(jax.grad(mean_loss))


def trained(monitor, updates, column=None, at=None, grads=False):
    """Plain descent, with a fault in the batch of one update."""
    params = {"w": 0.9 * jnp.eye(N)}
    for update in range(updates):
        xs = batch(update, column if update == at else None)
        found = gradient(params, xs)
        monitor(step, params, START, xs, targets=TARGETS, grads=found if grads else None)
        params = {"w": params["w"] - 0.01 * found["w"]}
    return params


OWN = {"loss": loss, "readout": lambda state: state.c, "w_rec": lambda params: params["w"]}
ALWAYS = {"sequences": 1, "share": 1}


def watched(folder, **settings):
    return gradlab.Monitor(folder, **ALWAYS | OWN | {"every": 3} | settings)


def said_by(call):
    """What is warned of while something runs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {one.category for one in caught} <= {gradlab.MonitorWarning}
    # It points at the line of the loop (or at the checker of types, which stands between the two in tests).
    assert not [one.filename for one in caught if one.filename == looking.__file__]
    return [str(one.message) for one in caught]

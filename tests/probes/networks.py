"""Small networks with every number drawn, and both probes of one of them as one compiled program."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.initializers.gaussian import gaussian
from gradlab.objectives import draw_target, objective
from gradlab.probes.adjoint import adjoint
from gradlab.probes.transport import transport
from gradlab.registry import make
from gradlab.sweep import recurrent
from gradlab.types import Setup
from gradlab.unroll import log10_norm


class Network(NamedTuple):
    cell: Any
    params: Any
    state: Any
    xs: Any


def network(spec, T, *, n=3, d=2, w_rec=1.3, initializer=gaussian, dtype=np.float64, seed=0, bias=0.5):
    """A cell away from every special point: drawn biases, a state that is not zero, inputs of variance 1."""
    cell = make("cells", spec)
    key_init, key_b, key_h, key_x = jax.random.split(jax.random.key(seed), 4)
    params, state = cell.init(key_init, d, n, w_rec, initializer)
    params = params._replace(b=params.b + bias * jax.random.normal(key_b, params.b.shape))
    leaves, structure = jax.tree.flatten(state)
    keys = jax.random.split(key_h, len(leaves))
    drawn = [0.5 * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    xs = jax.random.normal(key_x, (T, d))
    cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)
    return Network(cell, *cast((params, jax.tree.unflatten(structure, drawn), xs)))


@functools.cache
def program(cell, name):
    """`(params, state, xs, target, length) -> (adjoint's columns, transport's columns)`; one for every length."""

    @jax.jit
    def run(params, state, xs, target, length):
        setup = Setup(objective(name, target, cell.readout), recurrent, length)
        return tuple(probe(cell.step, params, state, xs, setup) for probe in (adjoint, transport))

    return run


def target(net, name="unit", seed=1):
    return draw_target(name, jax.random.key(seed), net.state, net.cell.readout)


def measured(net, name="unit", goal=None, length=None):
    """log10 of every column by name, lags 0..T (the weight gradient: 0..T-1), and the objective's target."""
    goal = target(net, name) if goal is None else goal
    T = len(net.xs) if length is None else length
    run = program(net.cell, name)
    columns = {}
    for found in run(net.params, net.state, net.xs, goal, jnp.int32(T)):
        for key, norm in found._asdict().items():
            lags = T if key == "weight_gradient" else T + 1
            columns[key] = log10_norm(norm)[:lags]
    return columns, goal

"""Small networks with every number drawn, and the probes of one of them as one compiled program each."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab.initializers.gaussian import gaussian
from gradlab.probes.adjoint import adjoint
from gradlab.probes.transport import transport
from gradlab.recurrence.objectives import draw_target, objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.registry import make
from gradlab.types import ProbeContext
from tests import oracle


class Network(NamedTuple):
    cell: Any
    params: Any
    state: Any
    xs: Any


@functools.cache
def _init(cell, d, n, initializer):
    return jax.jit(lambda key, w_rec: cell.init(key, d, n, w_rec, initializer))


def leaf_name(path):
    """The last field name on a leaf's path."""
    return getattr(path[-1], "name", None)


def network(spec, T, *, n=3, d=2, w_rec=0.9, initializer=gaussian, dtype=np.float64, seed=0, bias=0.5):
    """A cell away from every special point: drawn biases, a state that is not zero, inputs of variance 1."""
    cell = make("cells", spec)
    rng = np.random.default_rng(seed)
    params, state = jax.tree.map(np.asarray, _init(cell, d, n, initializer)(jax.random.key(seed), w_rec))
    push = lambda path, leaf: leaf + bias * rng.standard_normal(leaf.shape) * (leaf_name(path) == "b")
    params = jax.tree_util.tree_map_with_path(push, params)
    state = jax.tree.map(lambda leaf: 0.5 * rng.standard_normal(leaf.shape), state)
    net = params, state, rng.standard_normal((T, d))
    return Network(cell, *jax.tree.map(lambda leaf: jnp.asarray(leaf.astype(dtype)), net))


PROBES = {"adjoint": adjoint, "transport": transport}


@functools.cache
def program(cell, probe, name="unit"):
    """`(params, state, xs, target, length) -> columns of a probe`; one program for every length."""

    @jax.jit
    def run(params, state, xs, target, length):
        setup = ProbeContext(objective(name, target, cell.readout), cell.recurrent, length, cell=cell)
        return PROBES[probe](cell.step, params, state, xs, setup)

    return run


def target(net, name="unit", seed=1):
    """What the objective is drawn from, as gradlab draws it."""
    return draw_target(name, jax.random.key(seed), net.state, net.cell.readout)


def measured(net, *probes, objective="unit", goal=None, length=None):
    """log10 of every column by name, lags 0..T (the weight gradient: 0..T-1); T is `length` or all of xs."""
    goal = target(net, objective) if goal is None else goal
    T = len(net.xs) if length is None else length
    columns = {}
    for probe in probes:
        found = program(net.cell, probe, objective)(net.params, net.state, net.xs, goal, jnp.int32(T))
        for key, norm in found._asdict().items():
            if key == "gradient":
                columns[key] = log10_norm(norm.norm)
                continue
            if not hasattr(norm, "square"):
                continue
            columns[key] = log10_norm(norm)[: T if key == "weight_gradient" else T + 1]
    return columns


def explicit(net, length):
    """dstate_T/dstate_t by lag in float64, at the states of the network's own precision; no rescaling."""
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:length])
    wide = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)
    params, xs = wide(net.params), wide(net.xs)
    flat = np.concatenate(jax.tree.leaves(wide(states)), axis=1)
    unravel = ravel_pytree(wide(net.state))[1]
    step = lambda v, x: ravel_pytree(net.cell.step(params, unravel(v), x))[0]
    jacobians = np.asarray(jax.jit(jax.vmap(jax.jacrev(step)))(flat[:-1], xs[:length]))
    products = [np.eye(flat.shape[1])]
    for jacobian in jacobians[::-1]:
        products.append(products[-1] @ jacobian)
    return products

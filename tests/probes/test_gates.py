"""Openings, saturation and retention, in closed form and along a trajectory."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.probes import gates as module
from gradlab.types import ProbeContext
from tests import oracle
from tests.probes.networks import network

T = 40


@functools.cache
def program(cell):
    run = lambda params, state, xs, T: module.gates(
        cell.step, params, state, xs, ProbeContext(None, None, T, cell=cell)
    )
    return jax.jit(run)


def measured(net, length=T):
    found = program(net.cell)(net.params, net.state, net.xs, jnp.int32(length))
    return jax.tree.map(np.asarray, found)


def named(net):
    return module.names(net.cell, net.params, net.state, net.xs[0])


def biased(net, **biases):
    """The network with no weights and these biases by gate: every opening is the same at every step."""
    b = np.zeros(net.params.b.shape, net.params.b.dtype)
    for gate, values in biases.items():
        b[net.cell.gates.index(gate)] = values
    zeros = jax.tree.map(jnp.zeros_like, net.params)
    return net._replace(params=zeros._replace(b=jnp.asarray(b)))


def test_gates_that_never_move():
    """Openings σ(b): one unit shut, one half open, one wide open."""
    net = biased(network("lstm", T), f=(-5.0, 0.0, 5.0))
    found, f = measured(net, 30), named(net).index("f")
    sigma = 1 / (1 + np.exp([5.0, 0.0, -5.0]))
    np.testing.assert_allclose(found.opening[:30, f], sigma.mean(), rtol=1e-14)
    np.testing.assert_allclose(found.left_saturated[:30, f], 1 / 3, rtol=1e-14)
    np.testing.assert_allclose(found.right_saturated[:30, f], 1 / 3, rtol=1e-14)
    np.testing.assert_array_equal(found.time_left_saturated[f], [1, 0, 0])
    np.testing.assert_array_equal(found.time_right_saturated[f], [0, 0, 1])
    np.testing.assert_allclose(found.retention_half_life, -math.log(2) / np.log(sigma), rtol=1e-12)
    assert found.retention_half_life[1] == pytest.approx(1)
    for column in found[:3]:
        assert np.isnan(column[30:]).all()


@pytest.mark.parametrize("spec", ["lstm", "gru"])
def test_along_a_trajectory(spec):
    net = network(spec, T, w_rec=1.5)
    found, which = measured(net), named(net)
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs)
    before = jax.tree.map(lambda leaf: leaf[:-1], states)
    gate_values = jax.jit(jax.vmap(net.cell.gate_values, (None, 0, 0)))(net.params, before, net.xs)
    assert tuple(sorted(gate_values)) == which
    for g, name in enumerate(which):
        opening = np.asarray(gate_values[name])
        np.testing.assert_allclose(found.opening[:, g], opening.mean(1), rtol=1e-13)
        np.testing.assert_allclose(found.left_saturated[:, g], (opening < 0.1).mean(1), rtol=1e-13)
        np.testing.assert_allclose(found.time_right_saturated[g], (opening > 0.9).mean(0), rtol=1e-13)
    keep = np.asarray(gate_values[net.cell.carry_gate])
    np.testing.assert_allclose(found.retention_half_life, -math.log(2) / np.log(keep).mean(0), rtol=1e-12)


def test_a_gate_that_never_shuts_forgets_nothing_and_one_that_is_shut_everything():
    net = biased(network("lstm", T, dtype="float32"), f=(100.0, -30.0, -200.0))
    half_life = measured(net).retention_half_life
    assert half_life[0] == np.inf
    assert half_life[1] == pytest.approx(math.log(2) / 30, rel=1e-6)
    assert half_life[2] == 0


def test_a_cell_without_gates_has_one_entry_named_none_and_no_numbers():
    net = network("elman", T)
    assert named(net) == ("none",)
    assert module.names(None, None, None, None) == ("none",)
    found = measured(net)
    assert (found.opening.shape, found.time_left_saturated.shape) == ((T, 1), (1, 3))
    for column in found:
        assert np.isnan(column).all()

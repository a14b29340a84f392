"""Shares of units that no longer respond, in cases where they can be counted by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes.saturation import saturation
from gradlab.types import ProbeContext
from tests import oracle
from tests.probes.networks import network

T = 20


@functools.cache
def program(cell):
    run = lambda params, state, xs, T: saturation(
        cell.step, params, state, xs, ProbeContext(None, None, T, cell=cell)
    )
    return jax.jit(run)


def test_a_state_that_leaves_its_bound_once_has_none():
    net = network("elman(activation=identity)", T, w_rec=0.5, bias=0)
    found = measured(net._replace(xs=(0 * net.xs).at[10].set(30.0), state=net.state._replace(h=jnp.zeros(3))))
    assert np.isnan(found.near_bound).all()
    assert np.isfinite(found.small_derivative).all()


def measured(net, length=T):
    found = program(net.cell)(net.params, net.state, net.xs, jnp.int32(length))
    return jax.tree.map(np.asarray, found)


def with_bias(net, *b):
    b = jnp.asarray(b, net.params.b.dtype)
    return net._replace(params=net.params._replace(b=jnp.broadcast_to(b, net.params.b.shape)))


def test_of_tanh_it_counts_the_units_far_out():
    """Orthogonal rows: the Jacobian's row is 1 - h^2, below 0.1 beyond |h| = sqrt(0.9)."""
    net = network("elman", T, n=8, w_rec=1.0, initializer=orthogonal)
    found = measured(net)
    h = np.abs(oracle.trajectory(net.cell.step, net.params, net.state, net.xs).h[1:])
    np.testing.assert_allclose(found.near_bound, (h > 0.9).mean(1), rtol=1e-14)
    np.testing.assert_allclose(found.small_derivative, (h > np.sqrt(0.9)).mean(1), rtol=1e-14)
    assert 0 < found.small_derivative.mean() < found.near_bound.mean() < 1
    np.testing.assert_array_equal(found.dead, 0)


def test_saturated_is_not_dead_and_dead_is_not_bounded():
    far = measured(with_bias(network("elman", T, dtype="float32"), 30.0))
    np.testing.assert_array_equal(far.near_bound, 1)
    np.testing.assert_array_equal(far.small_derivative, 1)
    # tanh'(30) is 4 exp(-60): small, and no zero.
    np.testing.assert_array_equal(far.dead, 0)
    relu = measured(with_bias(network("elman(activation=relu)", T), 50.0, -1e3, 50.0))
    np.testing.assert_allclose(relu.dead, 1 / 3)
    np.testing.assert_allclose(relu.small_derivative, 1 / 3)
    assert np.isnan(relu.near_bound).all()


@pytest.mark.parametrize("w_rec", [0.09, 0.11])
def test_of_a_linear_cell_it_is_the_weight_alone(w_rec):
    net = network("elman(activation=identity)", T, w_rec=w_rec, initializer=orthogonal)
    np.testing.assert_array_equal(measured(net).small_derivative, float(w_rec < 0.1))


def test_steps_beyond_the_length_and_states_that_are_not_finite_have_no_share():
    net = network("elman(activation=relu)", T)
    for column in measured(net, 12):
        assert np.isnan(column[12:]).all()
    broken = net._replace(xs=net.xs.at[5].set(jnp.nan))
    found = measured(broken)
    assert np.isfinite(found.small_derivative[:5]).all()
    assert np.isnan(found.small_derivative[6:]).all()

"""The growth of an evenly spread gradient: closed forms, NumPy's Jacobians, the theory of large networks."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes.mean_field import mean_field, notes
from gradlab.recurrence.forward import with_jacobian
from gradlab.recurrence.scaled import log10_norm
from gradlab.theory.mean_field import Drive, vanilla
from gradlab.types import ProbeContext
from tests.probes.networks import network

T = 40


@functools.cache
def program(step):
    return jax.jit(
        lambda params, state, xs, T: mean_field(step, params, state, xs, ProbeContext(None, None, T))
    )


def measured(net, length=T):
    found = program(net.cell.step)(net.params, net.state, net.xs, jnp.int32(length))
    return 10 ** log10_norm(found.mean_field_growth), np.asarray(found.mean_field_exponent)


@pytest.mark.parametrize("w_rec", [0.8, 1.5])
def test_of_a_linear_orthogonal_cell_it_is_the_logarithm_of_the_weight(w_rec):
    net = network("elman(activation=identity)", T, w_rec=w_rec, initializer=orthogonal)
    growth, exponent = measured(net, 30)
    np.testing.assert_allclose(growth[:30], w_rec, rtol=1e-13)
    np.testing.assert_allclose(exponent[:30], math.log(w_rec), rtol=1e-12)
    for column in (growth, exponent):
        assert np.isnan(column[30:]).all()


@pytest.mark.ends
@pytest.mark.parametrize(
    ("spec", "exact"), [("elman", 1), ("lstm", 0), ("gru", 0), ("minimal", 0), ("esn", np.nan)]
)
def test_it_says_whether_fixed_weights_follow(spec, exact):
    net = network(spec, 4)
    setup = ProbeContext(None, None, 4, cell=net.cell)
    found = mean_field(net.cell.step, net.params, net.state, net.xs, setup)
    np.testing.assert_array_equal(found.mean_field_exact, exact)
    assert np.isnan(measured_exact(net))


def measured_exact(net):
    return program(net.cell.step)(net.params, net.state, net.xs, jnp.int32(T)).mean_field_exact


def test_what_is_not_exact_is_said_beside_the_number():
    exact = np.array([1.0, 0.0, np.nan]).reshape(3, 1, 1, 1, 1)
    axes = ("cell", "init", "w_rec", "T", "seed")
    norms = xr.Dataset({"mean_field_exact": (axes, exact)}, {"cell": ["elman", "gru", "esn"]})
    words = notes(norms)["mean_field_exponent"]
    assert words.startswith("gru: of weights drawn anew at every step, fixed ones")
    assert "esn: of weights" in words
    assert "elman" not in words
    assert notes(norms.isel(cell=[0])) == {}


def test_of_two_parts_it_follows_each():
    """The squared norms of the LSTM's h and c, pushed from block to block in NumPy."""
    net = network("lstm", T, w_rec=1.2)
    (growth, exponent), at = (
        measured(net),
        jax.jit(with_jacobian(net.cell.step, net.params, net.state, net.xs[0])),
    )
    state, spread, logs = net.state, np.array([0.5, 0.5]), []
    for t, x in enumerate(net.xs):
        state, jacobian = at(state, x)
        power = (np.asarray(jacobian) ** 2).reshape(2, 3, 2, 3).sum((1, 3)) / 3
        after = power @ spread
        logs.append(math.log(after.sum()))
        assert growth[t] ** 2 == pytest.approx(after.sum(), rel=1e-12)
        spread = after / after.sum()
    half_means = 0.5 * np.cumsum(logs) / np.arange(1, T + 1)
    np.testing.assert_allclose(exponent, half_means, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("w_rec", [0.9, 1.5])
def test_of_a_wide_network_it_is_the_theory(w_rec):
    """Gaussian weights of N = 150 over 30 late steps: chi is a mean over N units and N^2 weights.

    Its scatter is some 1/sqrt(N) a step and shared in part by all steps: 0.05 is two sigma of 1/2 ln chi.
    """
    net = network("elman", T, n=150, d=8, w_rec=w_rec, bias=0)
    _, exponent = measured(net)
    late = (T * exponent[-1] - 10 * exponent[9]) / (T - 10)
    truth = vanilla("tanh", w_rec, Drive(1.0, 8)).exponent
    assert late == pytest.approx(truth, abs=0.05)


def test_a_saturated_step_is_small_and_no_step_is_nothing():
    """A weight of 1e-200, whose square is 0 in float64."""
    net = network("elman", T, n=1, d=1, w_rec=0.0, bias=0)
    tiny = net.params._replace(w_rec=jnp.full((1, 1), 1e-200), w_in=jnp.zeros((1, 1)), b=jnp.full(1, 0.1))
    _, exponent = measured(net._replace(params=tiny))
    # tanh'(0.1) at every step: the weight leaves nothing of the state before.
    np.testing.assert_allclose(exponent, math.log(1e-200) - 2 * math.log(math.cosh(0.1)), rtol=1e-14)
    growth, exponent = measured(net)
    np.testing.assert_array_equal(growth, 0)
    np.testing.assert_array_equal(exponent, -np.inf)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells import elman
from gradlab.cells.indrnn import IndRNN
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.orthogonal import orthogonal
from tests import exact, oracle
from tests.cells import foreign
from tests.probes import networks


def step(f):
    return lambda params, state, x: state._replace(h=f(params.w_rec * state.h + params.w_in @ x + params.b))


@pytest.mark.parametrize(("activation", "f"), [("relu", exact.relu), ("tanh", exact.tanh)])
def test_equals_the_equations(activation, f):
    exact.assert_step(f"indrnn(activation={activation}, start=uniform)", step(f))


@pytest.mark.slow
def test_gradient_equals_the_equations():
    exact.assert_gradient("indrnn(activation=tanh, start=uniform)", step(exact.tanh))


def test_transport_is_each_units_own_product():
    """log10 of prod_t w_i tanh'(a_i,t) for each unit, summed in NumPy, far below what float64 can hold."""
    net = networks.network("indrnn(activation=tanh, start=uniform)", 40, w_rec=1e-9)
    h = np.asarray(oracle.trajectory(net.cell.step, net.params, net.state, net.xs).h)
    w_in, w, b = map(np.asarray, net.params)
    a = w * h[:-1] + np.asarray(net.xs) @ w_in.T + b
    e = np.exp(-2 * np.abs(a))
    slopes = np.log10(np.abs(w)) + np.log10(4 * e) - 2 * np.log10(1 + e)
    by_unit = np.concatenate([np.zeros((1, 3)), np.cumsum(slopes[::-1], axis=0)])
    found = networks.measured(net, "transport")
    frobenius = np.log10((10.0 ** (2 * (by_unit - by_unit.max(axis=1, keepdims=True)))).sum(axis=1)) / 2
    # Both sides add up logarithms of up to 1e3; the singular value comes from Lanczos steps.
    np.testing.assert_allclose(
        found["transport_frobenius"][:, 0], by_unit.max(axis=1) + frobenius, rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(found["transport"][:, 0], by_unit.max(axis=1), rtol=0, atol=1e-6)
    assert by_unit[-1].max() < -350


def test_a_step_moves_each_unit_by_its_own_weight_alone(key):
    cell = IndRNN("sigmoid", "uniform")
    params, state, xs = foreign.network(cell, key, np.float64)
    jacobian = jax.jacfwd(lambda s: cell.step(params, s, xs[0]))(state).h.h
    s = expit(np.asarray(params.w_rec * state.h + params.w_in @ xs[0] + params.b))
    np.testing.assert_allclose(jacobian, np.diag(params.w_rec * s * (1 - s)), rtol=1e-13)


def test_equals_an_elman_with_a_diagonal_matrix(key):
    params, state, xs = foreign.network(IndRNN("tanh", "uniform"), key, np.float64)
    theirs = elman.Params(params.w_in, jnp.diag(params.w_rec), params.b)
    step = lambda h, x: (elman.Elman().step(theirs, elman.State(h), x).h,) * 2
    foreign.assert_equal(IndRNN("tanh", "uniform"), params, state, xs, step, state.h)


@pytest.mark.parametrize("start", ["ones", "uniform"])
def test_start_is_the_same_from_any_initializer(start, key):
    cell = IndRNN(start=start)
    first, second = (cell.init(key, 2, 500, -0.7, initializer)[0] for initializer in (gaussian, orthogonal))
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)
    unit = np.asarray(first.w_rec) / -0.7
    if start == "ones":
        np.testing.assert_array_equal(unit, 1)
    else:
        assert 0 <= unit.min() < 0.02 < 0.98 < unit.max() <= 1
        assert unit.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * 500))


def test_rate_theory():
    assert IndRNN("identity").rate_theory(0.1) == pytest.approx(-1)
    assert IndRNN("identity").rate_theory(0.0) is None
    assert IndRNN("identity", "uniform").rate_theory(0.1) is None
    assert IndRNN("relu").rate_theory(0.1) is None

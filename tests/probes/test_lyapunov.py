"""The Lyapunov spectrum: published numbers, eigenvalues, the sum rule and the transport."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.probes.lyapunov import lyapunov
from gradlab.profiles import rate
from gradlab.types import Setup
from tests.probes.networks import measured, network

LONGEST = 400
LINEAR = "elman(activation=identity)"


@functools.cache
def program(step):
    return jax.jit(lambda params, state, xs, T: lyapunov(step, params, state, xs, Setup(None, None, T)))


def spectrum(net, length=None):
    return program(net.cell.step)(net.params, net.state, net.xs, jnp.int32(length or len(net.xs)))


class Point(NamedTuple):
    x: Any
    y: Any


def henon(params, state, x):
    a, b = params
    return Point(1 - a * state.x**2 + state.y, b * state.x)


def test_the_henon_map():
    """Hénon 1976: every step shrinks areas by b = 0.3; the literature gives 0.419 for the first exponent.

    20 000 steps: its standard deviation over starting points is 0.0015.
    """
    start = (0.1, 0.1)
    for _ in range(1000):
        start = 1 - 1.4 * start[0] ** 2 + start[1], 0.3 * start[0]
    found = program(henon)((1.4, 0.3), Point(*map(jnp.float64, start)), jnp.zeros(20_000), 20_000)
    assert float(found.lyapunov.sum()) == pytest.approx(math.log(0.3), abs=1e-12)
    np.testing.assert_allclose(found.lyapunov_sum, math.log(0.3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.log_determinant, math.log(0.3), rtol=0, atol=1e-12)
    assert float(found.lyapunov[0]) == pytest.approx(0.419, abs=0.003)


def linear(eigenvalues, *, T=LONGEST, seed=0, dtype=np.float64):
    """A linear cell whose matrix has these eigenvalues, and eigenvectors far from orthogonal."""
    n = len(eigenvalues)
    net = network(LINEAR, T, n=n, dtype=dtype)
    basis = np.random.default_rng(seed).standard_normal((n, n)) + n * np.eye(n)
    w = basis @ np.diag(eigenvalues) @ np.linalg.inv(basis)
    return net._replace(params=net.params._replace(w_rec=jnp.asarray(w.astype(dtype))))


def test_of_a_linear_cell_they_are_the_log_moduli_of_the_eigenvalues():
    """The frame turns by at least 1.3/0.9 a step: past 40 steps what it misses is below 1e-6, and falls."""
    eigenvalues = np.array([1.3, -0.9, 0.1])
    net = linear(eigenvalues)
    found = spectrum(net)
    np.testing.assert_allclose(found.lyapunov, np.log(np.abs(eigenvalues)), rtol=0, atol=1e-8)
    # The history starts before the frame is in place, and forgets that as 1/t.
    late = found.lyapunov_history[-1] - np.log(np.abs(eigenvalues))
    early = found.lyapunov_history[99] - np.log(np.abs(eigenvalues))
    np.testing.assert_allclose(late, early / 4, rtol=1e-5)
    assert np.abs(early).max() > 1e-4


def jacobians(net, T):
    """The steps' Jacobians in NumPy, by forward mode, at the states in the network's own precision."""
    step = jax.jit(net.cell.step)
    derivative = jax.jit(jax.jacfwd(net.cell.step, argnums=1))
    state = net.state
    for x in net.xs[:T]:
        blocks = derivative(net.params, state, x)
        yield np.block([[np.asarray(block, float) for block in row] for row in blocks])
        state = step(net.params, state, x)


@pytest.mark.parametrize(("spec", "dtype"), [("elman", "float64"), ("lstm", "float32")])
def test_their_sum_is_the_mean_log_determinant(spec, dtype):
    """Over any number of steps, and against NumPy's determinants.

    QR and LU are backward stable: each log determinant is off by S eps times the step's condition.
    """
    net = network(spec, 60, w_rec=1.2, dtype=dtype)
    found = spectrum(net, 50)
    steps = list(jacobians(net, 50))
    counts = np.arange(1, 51)
    condition = np.cumsum([np.linalg.cond(step) for step in steps]) / counts
    limit = len(steps[0]) * np.finfo(dtype).eps * condition + 20 * np.finfo(dtype).eps
    assert limit[-1] < (1e-12 if dtype == "float64" else 1e-3)
    assert (np.abs(np.asarray(found.lyapunov_sum - found.log_determinant))[:50] < limit).all()
    np.testing.assert_allclose(found.lyapunov_sum[:50], found.lyapunov_history[:50].sum(1), rtol=1e-6)
    for column in found[1:]:
        assert np.isnan(column[50:]).all()
    means = np.cumsum([np.linalg.slogdet(step)[1] for step in steps]) / counts
    assert (np.abs(np.asarray(found.log_determinant)[:50] - means) < limit).all()


@pytest.mark.parametrize("w_rec", [0.9, 2.0])
def test_the_first_is_the_slope_of_the_transport(w_rec):
    """Both see one trajectory; they differ by what the ends weigh, a constant over T."""
    net = network("elman", LONGEST, w_rec=w_rec)
    profile = measured(net, "transport")["transport"][:, 0]
    slope = float(rate(profile, np.zeros(LONGEST + 1, np.int8)).value) * math.log(10)
    first = np.asarray(spectrum(net).lyapunov_history)[:, 0]
    pieces = np.diff(np.concatenate([[0], first * np.arange(1, LONGEST + 1)])[::20]) / 20
    error = pieces.std(ddof=1) / math.sqrt(len(pieces))
    assert abs(first[-1] - slope) < 2 * error
    assert error < 0.15


def test_float32_sums_no_logarithms():
    """0.7 to the 20 000 has a logarithm of -7133, whose last float32 digit is 5e-4: 20 000 sums lose all."""
    T = 20_000
    net = linear([0.7], T=T, dtype=np.float32)
    found = spectrum(net._replace(params=net.params._replace(w_rec=jnp.full((1, 1), 0.7, jnp.float32))))
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(found.lyapunov, math.log(0.7), rtol=8 * eps)
    np.testing.assert_allclose(found.log_determinant, math.log(0.7), rtol=8 * eps)


def test_what_rounding_hides_is_not_shown():
    """One relu of three is dead: two exponents are left, those of the live block."""
    net = network("elman(activation=relu)", 60, bias=0)
    found = spectrum(net._replace(params=net.params._replace(b=jnp.array([50.0, 50.0, -1e4]))))
    truth = np.linalg.slogdet(np.asarray(net.params.w_rec)[:2, :2])[1]
    assert float(found.lyapunov[:2].sum()) == pytest.approx(truth, abs=1e-10)
    assert np.isnan(found.lyapunov[2])


def test_an_exact_zero_is_minus_infinity():
    found = spectrum(network("elman", 60, w_rec=0.0), 30)
    np.testing.assert_array_equal(found.lyapunov, -np.inf)
    np.testing.assert_array_equal(found.log_determinant[:30], -np.inf)

"""Singular values of steps and products: exact arithmetic, closed forms, and what is not known."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp

from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes import jacobian_spectrum as module
from gradlab.recurrence.forward import with_jacobian
from gradlab.recurrence.scaled import log10_norm
from gradlab.types import ProbeContext
from tests.probes.networks import network

T = 60
LINEAR = "elman(activation=identity)"


@functools.cache
def program(step):
    run = lambda params, state, xs, T: module.jacobian_spectrum(
        step, params, state, xs, ProbeContext(None, None, T)
    )
    return jax.jit(run)


def measured(net, length=None):
    """Singular values by step, and log10 of those of the products by lag."""
    found = program(net.cell.step)(net.params, net.state, net.xs, jnp.int32(length or len(net.xs)))
    return np.asarray(found.step_singular_values), log10_norm(found.product_singular_values)


def jacobians(net, length):
    at = jax.jit(with_jacobian(net.cell.step, net.params, net.state, net.xs[0]))
    state, found = net.state, []
    for x in net.xs[:length]:
        state, jacobian = at(state, x)
        found.append(np.asarray(jacobian, float))
    return found


@pytest.mark.ends
@pytest.mark.parametrize("spec", ["elman", "lstm"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_equals_the_singular_values_in_exact_arithmetic(spec, precision):
    """300 digits for products whose singular values lie up to 100 decades apart; none is lost.

    Each step puts an error of S eps times its own condition on the small values, not the product's.
    """
    net = network(spec, T, w_rec=1.2, dtype=precision)
    steps, products = measured(net, 50)
    exact = jacobians(net, 50)
    values = np.linalg.svd(np.array(exact), compute_uv=False)
    np.testing.assert_allclose(steps[:50], values, rtol=0, atol=10 * np.finfo(precision).eps * values.max())
    assert np.isnan(steps[50:]).all()
    assert np.isnan(products[51:]).all()
    size = values.shape[1]
    condition = np.concatenate([[1], values[::-1, 0] / values[::-1, -1]]).cumsum()
    with mp.workdps(300):
        product = mp.eye(size)
        for lag in range(51):
            if lag in (0, 1, 2, 5, 20, 50):
                truth = [float(mp.log10(s)) for s in mp.svd_r(product, compute_uv=False)]
                limit = size * np.finfo(precision).eps * condition[lag]
                np.testing.assert_allclose(products[lag], truth, rtol=0, atol=limit)
            if lag < 50:
                product = product * mp.matrix(exact[49 - lag].tolist())
    assert products[50, 0] - products[50, -1] > (40 if spec == "elman" else 60)
    assert limit < (1e-10 if precision == "float64" else 0.05)


def test_a_diagonal_keeps_1200_decades_apart():
    """Powers of two, at lag 2000 from 10^602 to 10^-602: further apart than float64 reaches."""
    net = network(LINEAR, 2000, n=3)
    w = jnp.diag(jnp.array([1.0, 0.5, 2.0]))
    _, products = measured(net._replace(params=net.params._replace(w_rec=w)))
    lags = np.arange(2001)[:, None] * math.log10(2)
    np.testing.assert_allclose(products, lags * np.array([[1, 0, -1]]), rtol=1e-13, atol=1e-12)


@pytest.mark.ends
@pytest.mark.parametrize(("n", "dtype"), [(1, np.float64), (2, np.float64), (5, np.float32)])
def test_equal_values_stay_equal(n, dtype):
    """An orthogonal matrix: all values are w^lag, a cluster that never separates."""
    net = network(LINEAR, 1000, n=n, w_rec=0.7, initializer=orthogonal, dtype=dtype)
    steps, products = measured(net)
    # Every step rounds each vector by a few eps, and the drawn matrix itself.
    np.testing.assert_allclose(steps, 0.7, rtol=20 * np.finfo(dtype).eps)
    truth = np.broadcast_to(np.arange(1001)[:, None] * math.log10(0.7), products.shape)
    np.testing.assert_allclose(products, truth, rtol=0, atol=1000 * 8 * np.finfo(dtype).eps)


def test_rotations_find_the_singular_values_of_any_matrix():
    """Rows of any scale: those of a graded matrix to full relative precision, where LAPACK loses them."""
    rng = np.random.default_rng(0)
    for count in (1, 2, 7, 16):
        rows = rng.standard_normal((count, 16))
        exponents = rng.integers(-300, 300, count).astype(np.int32)
        found = jax.jit(module.orthogonal)(module.Vectors(jnp.asarray(rows), jnp.asarray(exponents)))
        gram = np.asarray(found.rows @ found.rows.T)
        size = np.sqrt(np.diag(gram))
        np.testing.assert_allclose(gram / np.outer(size, size), np.eye(count), rtol=0, atol=1e-13)
        with mp.workdps(400):
            scaled = mp.matrix(
                [[mp.mpf(v) * mp.mpf(2) ** int(e) for v in r] for r, e in zip(rows, exponents, strict=True)]
            )
            truth = sorted(float(mp.log(s)) for s in mp.svd_r(scaled, compute_uv=False))
        logs = sorted(np.log(size) + np.asarray(found.exponents) * math.log(2))
        np.testing.assert_allclose(logs, truth, rtol=0, atol=1e-12)


def test_what_rounding_hides_is_not_shown():
    """A dead relu leaves two of three values; a step that is exactly 0 leaves exact zeros."""
    net = network("elman(activation=relu)", T, bias=0)
    alive = net._replace(params=net.params._replace(b=jnp.array([50.0, 50.0, -1e4])))
    steps, products = measured(alive)
    live = np.asarray(net.params.w_rec)[:2, :2]
    np.testing.assert_allclose(products[0], 0, atol=1e-15)
    assert np.isfinite(products[1:, :2]).all()
    assert np.isnan(products[1:, 2]).all()
    assert steps[:, 2].max() < 1e-15
    power = np.linalg.matrix_power(live, 9) @ np.asarray(net.params.w_rec)[:2]
    np.testing.assert_allclose(products[10, :2], np.log10(np.linalg.svd(power)[1]), rtol=0, atol=1e-10)
    none = net._replace(params=net.params._replace(b=jnp.full(3, -1e4)))
    steps, products = measured(none)
    np.testing.assert_array_equal(steps, 0)
    np.testing.assert_array_equal(products[1:], -np.inf)

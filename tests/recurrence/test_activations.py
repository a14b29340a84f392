"""Derivatives against 50 digits, deep into saturation."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp, mpf

from gradlab.recurrence import activations

EXACT = {
    "tanh": (mp.tanh, lambda a: mp.sech(a) ** 2, lambda a: -2 * mp.tanh(a) * mp.sech(a) ** 2),
    "sigmoid": (
        lambda a: 1 / (1 + mp.exp(-a)),
        lambda a: 1 / (2 * mp.cosh(a / 2)) ** 2,
        lambda a: -mp.tanh(a / 2) / (2 * mp.cosh(a / 2)) ** 2,
    ),
}
REACH = {jnp.float32: 40, jnp.float64: 300}
BOUND = {jnp.float32: 1e-6, jnp.float64: 1e-13}


def points(dtype):
    """Pre-activations of both signs, from tiny to deep saturation."""
    near = np.linspace(0.05, 12, 60)
    far = np.linspace(12, REACH[dtype], 40)
    a = np.concatenate([[1e-6, 1e-3], near, far])
    return np.concatenate([-a, a]).astype(dtype)


def relative(found, exact, a):
    with mp.workdps(50):
        pairs = zip(map(float, found), map(float, a), strict=True)
        return float(max(abs(mpf(f) / exact(mpf(x)) - 1) for f, x in pairs))


@pytest.mark.ends
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", EXACT)
def test_derivative_keeps_relative_precision(name, dtype):
    a = points(dtype)
    f = activations.named(name)
    derivative = EXACT[name][1]
    ones = jnp.ones_like(a)
    forward = jax.jit(lambda a: jax.jvp(f, (a,), (ones,))[1])(a)
    reverse = jax.jit(jax.vmap(jax.grad(f)))(a)
    assert forward.dtype == reverse.dtype == dtype
    assert relative(forward, derivative, a) < BOUND[dtype]
    assert relative(reverse, derivative, a) < BOUND[dtype]


@pytest.mark.ends
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", EXACT)
def test_second_derivative(name, dtype):
    a = points(dtype)
    a = a[np.abs(a) >= 0.05]
    second = jax.vmap(jax.grad(jax.grad(activations.named(name))))(a)
    assert relative(second, EXACT[name][2], a) < 100 * BOUND[dtype]


@pytest.mark.parametrize("name", EXACT)
def test_value(name):
    a = points(jnp.float64)
    assert relative(activations.named(name)(jnp.asarray(a)), EXACT[name][0], a) < 1e-13


def test_derivatives_of_every_order_at_zero():
    orders = {"tanh": [1, 0, -2, 0], "sigmoid": [1 / 4, 0, -1 / 8, 0]}
    for name, expected in orders.items():
        f = activations.named(name)
        for value in expected:
            f = jax.grad(f)
            assert float(f(jnp.zeros(()))) == pytest.approx(value, abs=1e-15)


def test_relu_has_slope_zero_at_zero_and_hides_no_nan():
    slopes = jax.vmap(jax.grad(activations.relu))(jnp.array([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(slopes, [0, 0, 1])
    assert jnp.isnan(activations.relu(jnp.nan * jnp.ones(1))).all()


def test_every_name_is_found_and_keeps_shape_and_dtype():
    for name in get_args(activations.Activation):
        for dtype in (jnp.float32, jnp.float64):
            out = activations.named(name)(jnp.ones((2, 3), dtype))
            assert (out.shape, out.dtype) == ((2, 3), dtype)

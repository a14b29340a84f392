"""The scan of traced length, products out of range, and step Jacobians."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab.recurrence.forward import log_of, one, times, with_jacobian
from gradlab.recurrence.scan import scan
from tests.probes.networks import network


@jax.jit
def powers(base, length):
    body = lambda product, x, t: (times(product, base), times(product, base))
    return scan(body, one(base.shape, base.dtype), jnp.zeros(5000), length)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_leaves_the_range_of_its_numbers(dtype):
    base = np.array([0.5, -0.7, 1e30, 1e-37], dtype)
    last, seen = powers(base, 4000)
    found = np.log(np.abs(np.asarray(last.value, float))) + np.asarray(last.exponent) * math.log(2)
    # One rounding a factor: 4000 eps/2 at worst; and the float64 logarithms here round themselves.
    truth = 4000 * np.log(np.abs(base.astype(float)))
    np.testing.assert_allclose(found, truth, rtol=1e-15, atol=2000 * np.finfo(dtype).eps)
    np.testing.assert_allclose(log_of(last), found, rtol=4 * np.finfo(dtype).eps)
    assert (last.value[0], last.exponent[0]) == (0.5, -3999)
    np.testing.assert_array_equal(seen.value[3999], last.value)
    assert np.isnan(seen.value[4000:]).all()


def test_a_product_with_zero_is_zero_for_good():
    dead = times(times(one((1,), jnp.float64), jnp.zeros(1)), jnp.full(1, 1e300))
    assert log_of(dead)[0] == -np.inf


def test_one_program_for_every_length():
    traced = []

    @jax.jit
    def sums(xs, length):
        traced.append(1)
        return scan(lambda total, x, t: (total + x, (total, t)), jnp.zeros(()), xs, length)

    for length in (1, 3, 5):
        total, (before, steps) = sums(jnp.arange(5.0), length)
        assert total == sum(range(length))
        np.testing.assert_array_equal(np.isnan(before), np.arange(5) >= length)
        np.testing.assert_array_equal(steps, [t if t <= length else 0 for t in range(1, 6)])
    assert len(traced) == 1


@pytest.mark.parametrize("spec", ["elman", "lstm"])
def test_the_jacobian_is_that_of_forward_mode(spec):
    net = network(spec, 1)
    flat, unravel = ravel_pytree(net.state)
    step = lambda v: ravel_pytree(net.cell.step(net.params, unravel(v), net.xs[0]))[0]
    at = with_jacobian(net.cell.step, net.params, net.state, net.xs[0])
    after, found = jax.jit(at)(net.state, net.xs[0])
    np.testing.assert_allclose(found, jax.jit(jax.jacfwd(step))(flat), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(ravel_pytree(after)[0], jax.jit(step)(flat), rtol=1e-14)

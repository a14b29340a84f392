"""How far one rounding of the weights moves the states: closed form, chaos, overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.probes.state_shift import state_shift
from gradlab.types import ProbeContext
from tests.probes.networks import network


def shift(step, params, state, xs, length=None):
    setup = ProbeContext(None, None, len(xs) if length is None else jnp.int32(length))
    return float(jax.jit(lambda p, s, x: state_shift(step, p, s, x, setup).state_shift)(params, state, xs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_power_of_one_weight_is_off_by_its_number_of_factors(dtype):
    """w^T (1 -+ eps)^T: T eps, whatever the size of the power."""
    T = 60
    w, h, xs = jnp.full(1, 0.75, dtype), jnp.ones(1, dtype), jnp.zeros((T, 1), dtype)
    found = shift(lambda w, h, x: w * h, w, h, xs) / np.finfo(dtype).eps
    # Each product of the two rounds by itself, too: by half an eps at the most.
    assert found == pytest.approx(T, abs=T)
    assert found > T / 4
    shorter = shift(lambda w, h, x: w * h, w, h, xs, length=6) / np.finfo(dtype).eps
    assert shorter < found / 3


def test_a_network_that_forgets_stays_near_and_a_chaotic_one_goes_astray():
    calm = network("elman", 400, n=32, w_rec=0.5, dtype="float32", bias=0)
    wild = network("elman", 400, n=32, w_rec=3.0, dtype="float32", bias=0)
    of = lambda net: shift(net.cell.step, net.params, net.state, 0.1 * net.xs)
    assert of(calm) < 1e-5
    assert of(wild) > 0.1


def test_cancellation_inside_a_step_shows():
    """A layer norm of nearly equal numbers amplifies what the state-to-state Jacobian does not see."""

    def step(params, h, x):
        a = params["b"] + params["w"] * h
        return (a - a.mean()) / a.std()

    params = {"b": jnp.full(8, 1000, jnp.float32), "w": jnp.linspace(0.5, 1, 8).astype(jnp.float32)}
    found = shift(step, params, jnp.ones(8, jnp.float32), jnp.zeros((3, 1), jnp.float32))
    assert found > 100 * np.finfo(np.float32).eps


@pytest.mark.parametrize("n", [1, 10_000])
def test_an_overflow_has_no_shift(n):
    """Of many numbers, too, of whose maximum XLA may leave out a NaN."""
    step = lambda w, h, x: 2 * (w * h) ** 3 - (w * h) ** 3
    w, h, xs = jnp.full(n, 9, jnp.float32), jnp.full(n, 9, jnp.float32), jnp.zeros((20, 1), jnp.float32)
    assert np.isnan(shift(step, w, h, xs))


def test_settings_and_counters_are_left_alone():
    step = lambda p, s, x: {"h": p["w"] * s["h"], "n": s["n"] + p["k"]}
    params = {"w": jnp.full(2, 0.5), "k": 1}
    state = {"h": jnp.ones(2), "n": jnp.int32(0)}
    assert shift(step, params, state, jnp.zeros((5, 1))) < 1e-14

"""Short-term memory: closed forms of delay lines and linear reservoirs, and an independent evaluation."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes.memory_capacity import memory_capacity
from gradlab.types import ProbeContext
from tests.probes.networks import network


@functools.cache
def program(step, cell=None, **settings):
    return jax.jit(
        lambda params, state, xs, T: memory_capacity(
            step, params, state, xs, ProbeContext(None, None, T, cell=cell), **settings
        )
    )


def of(step, params, state, xs, T=None, cell=None, **settings):
    found = program(step, cell, **settings)(params, state, xs, T or len(xs))
    return np.asarray(found.memory_function), float(found.memory_capacity)


def line(params, state, x):
    """The last N inputs."""
    return jnp.concatenate([x, state[: len(state) - len(x)]])


def white(T, d=1, dtype=np.float64, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal((T, d)).astype(dtype))


@pytest.mark.ends
@pytest.mark.parametrize("n", [1, 2, 8])
def test_of_a_delay_line_it_is_its_length(n):
    """r^2 is 1 up to delay n - 1; beyond, each scatters around 0 with the variance 2 / n^2 of chi^2."""
    T = 600
    found, total = of(line, None, jnp.zeros(n), white(T))
    np.testing.assert_allclose(found[:n], 1, rtol=1e-12)
    steps = (T - 4 * n) / 2
    assert len(found) == 4 * n
    assert total == pytest.approx(n, abs=5 * math.sqrt(3 * n * 2) / steps)


def test_of_two_inputs_a_line_of_8_remembers_4_each():
    found, total = of(line, None, jnp.zeros(8), white(800, d=2))
    np.testing.assert_allclose(found[:4], 2, rtol=1e-12)
    assert total == pytest.approx(8, abs=0.2)


def reservoir(w_rec, T, n=8, spec="elman(activation=identity)", std=1.0, seed=0):
    net = network(spec, T, n=n, d=1, w_rec=w_rec, initializer=orthogonal, bias=0, seed=seed)
    return net._replace(xs=std * net.xs)


@pytest.mark.ends
@pytest.mark.parametrize(("T", "low", "scatter"), [(500, 0.45, 0.48), (2000, 0.13, 0.24), (8000, 0.03, 0.15)])
def test_of_a_linear_reservoir_it_is_n_the_closer_the_longer(T, low, scatter):
    """Radius 0.9 and 80 delays; mean and standard deviation of 60 networks, worked out apart in NumPy."""
    net = reservoir(0.9, T)
    found, total = of(net.cell.step, net.params, net.state, net.xs, delays=80)
    assert abs(total - (8 - low)) < 3 * scatter
    assert np.diff(np.add.accumulate(found)[[7, 15, 31]]).min() > 0.2


def test_what_a_linear_reservoir_keeps_of_each_delay():
    """One unit h' = w h + u: r^2(k) = (1 - w^2) w^(2k)."""
    net = reservoir(0.8, 20_000, n=1)
    found, _ = of(net.cell.step, net.params, net.state, net.xs, delays=12)
    np.testing.assert_allclose(found, 0.36 * 0.64 ** np.arange(12), atol=0.02)


def by_hand(net, K):
    """NumPy's least squares on the states, NumPy's correlations."""
    _, hs = jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x),) * 2, net.state, net.xs)
    h, u = np.asarray(jax.vmap(net.cell.readout)(hs)), np.asarray(net.xs)[:, 0]
    half = (len(u) - K) // 2
    fit, test = np.arange(K, K + half), np.arange(K + half, K + 2 * half)
    past = np.arange(K)
    w = np.linalg.lstsq(np.c_[h[fit], np.ones(half)], u[fit[:, None] - past])[0]
    r = [np.corrcoef(h[test] @ w[:-1, k], u[test - k])[0, 1] for k in past]
    return (np.square(r) * (half - 1) - 1) / (half - 2)


@pytest.mark.ends
@pytest.mark.parametrize("spec", ["elman", "esn(leak=0.7, density=1.0)", "lstm"])
def test_against_numpy(spec):
    net = reservoir(0.9, 1000, n=5, spec=spec, std=0.3)
    found, total = of(net.cell.step, net.params, net.state, net.xs, cell=net.cell, delays=20)
    expected = by_hand(net, 20)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert total == pytest.approx(expected.sum(), abs=1e-8)
    assert 0.5 < total < 5.3


def test_a_shorter_sequence_is_its_own():
    net = reservoir(0.9, 400, n=3)
    longer, _ = of(net.cell.step, net.params, net.state, net.xs, T=300)
    alone, _ = of(net.cell.step, net.params, net.state, net.xs[:300])
    np.testing.assert_allclose(longer, alone, rtol=1e-10, atol=1e-12)


def test_nothing_is_said_where_nothing_can_be():
    """Too short for 3 units and 12 delays by one step; no input; a state that is lost."""
    net = reservoir(0.9, 28, n=3)
    enough = net._replace(xs=net.xs[:28])
    assert np.isfinite(of(net.cell.step, net.params, net.state, enough.xs)[1])
    assert np.isnan(of(net.cell.step, net.params, net.state, net.xs, T=27)[0]).all()
    assert np.isnan(of(net.cell.step, net.params, net.state, jnp.zeros((28, 1)))[1])
    lost = lambda params, state, x: net.cell.step(params, state, x)._replace(h=state.h * jnp.nan)
    assert np.isnan(of(lost, net.params, net.state, net.xs)[1])


def test_a_state_that_ignores_its_input_has_no_memory():
    rest = lambda params, state, x: jnp.tanh(params @ state)
    w = jnp.asarray(2 * np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0])
    found, total = of(rest, w, jnp.ones(4), white(2000))
    assert abs(total) < 0.1
    np.testing.assert_allclose(found, 0, atol=0.02)


def test_negative_delays_are_refused():
    with pytest.raises(ValueError, match="delays=-1 must be 0"):
        of(line, None, jnp.zeros(2), white(50), delays=-1)

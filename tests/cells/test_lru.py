import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp

from gradlab.cells.lru import LRU
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.probes import networks

exp, cos, sin = (exact.of(function) for function in (mp.exp, mp.cos, mp.sin))


def step(params, state, x):
    radius, phase, scale = exp(-exp(params.nu)), exp(params.theta), exp(params.gamma)
    turn = radius * (cos(phase) + 1j * sin(phase))
    z = turn * (state.re + 1j * state.im) + scale * ((params.w_in[0] + 1j * params.w_in[1]) @ x)
    return type(state)(exact.of(mp.re)(z), exact.of(mp.im)(z))


def drawn(key, n=4000, **settings):
    """|λ|, the phase and the input gain of many units."""
    params, _ = LRU(**settings).init(key, 1, n, 1.0, orthogonal)
    return np.exp(-np.exp(params.nu)), np.exp(params.theta), np.exp(params.gamma)


@pytest.mark.parametrize("spec", ["lru", "lru(r_min=0.0, r_max=0.5, max_phase=1.0)"])
def test_step_is_the_equation(spec):
    exact.assert_step(spec, step)


@pytest.mark.slow
def test_gradient_is_the_equation_s():
    exact.assert_gradient("lru(r_min=0.5)", step, T=20)


def test_transport_is_the_radius_to_the_lag_in_each_unit():
    net = networks.network("lru(r_min=0.5)", 20)
    found = networks.measured(net, "transport")
    radius, lag = np.exp(-np.exp(np.asarray(net.params.nu))), np.arange(21.0)[:, None]
    log = lag * np.log10(radius)
    np.testing.assert_allclose(found["transport"][:, 0], log.max(1), rtol=0, atol=1e-12)
    frobenius = np.log10(2 * (10 ** (2 * log)).sum(1)) / 2
    np.testing.assert_allclose(found["transport_frobenius"][:, 0], frobenius, rtol=0, atol=1e-12)


@pytest.mark.parametrize("radius", [0.1, 0.8, 0.9999])
def test_one_radius_for_all_units_has_an_exact_rate(radius, key):
    cell = LRU(r_min=radius, r_max=radius)
    assert cell.rate_theory(1.0) == pytest.approx(np.log10(radius), rel=1e-14)
    params, state = cell.init(key, 1, 5, 1.0, orthogonal)
    of_parts = jax.jacfwd(lambda s: cell.step(params, s, jnp.ones(1)))(state)
    jacobian = np.block([[getattr(row, column) for column in row._fields] for row in of_parts])
    power = np.linalg.matrix_power(jacobian, 50)
    np.testing.assert_allclose(np.linalg.svd(power)[1], np.full(10, radius**50), rtol=1e-11)


def test_a_spread_of_radii_has_no_rate_theory():
    assert LRU().rate_theory(1.0) is None


def test_state_is_the_sum_of_its_inputs_decayed_and_turned(key):
    cell = LRU()
    params, state = cell.init(key, 3, 5, 1.0, orthogonal)
    xs = np.asarray(jax.random.normal(key, (50, 3)))
    last, _ = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), state, xs)
    nu, theta, gamma, (re, im) = map(np.asarray, params)
    turn = np.exp(-np.exp(nu) + 1j * np.exp(theta))
    z = sum(turn ** (49 - t) * np.exp(gamma) * ((re + 1j * im) @ x) for t, x in enumerate(xs))
    np.testing.assert_allclose(np.asarray(last.re) + 1j * np.asarray(last.im), z, rtol=1e-12)
    np.testing.assert_array_equal(cell.readout(last), last.re)


def test_start_fills_the_ring_evenly(key):
    radius, phase, gain = drawn(key, r_min=0.3, r_max=0.7, max_phase=2.0)
    assert radius.min() >= 0.3
    assert radius.max() <= 0.7
    assert 0 < phase.min() < phase.max() <= 2.0
    # The mean of n uniform numbers has a standard error of width / sqrt(12 n).
    assert (radius**2).mean() == pytest.approx((0.09 + 0.49) / 2, abs=5 * 0.4 / np.sqrt(12 * 4000))
    assert phase.mean() == pytest.approx(1.0, abs=5 * 2.0 / np.sqrt(12 * 4000))
    np.testing.assert_allclose(gain**2 + radius**2, 1, rtol=1e-12)


def test_start_is_finite_over_the_whole_disc_in_float32(key):
    with jax.enable_x64(False):
        params, _ = LRU(r_min=0.0, r_max=0.999).init(key, 1, 100_000, 1.0, orthogonal)
        assert all(np.isfinite(leaf).all() for leaf in params)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r_max": 1.0}, r"r_max=1.0 must be in \(0, 1\)"),
        ({"r_max": 0.0, "r_min": 0.0}, r"r_max=0.0 must be in \(0, 1\)"),
        ({"r_min": 0.9, "r_max": 0.5}, r"r_min=0.9 must be in \[0, r_max=0.5\]"),
        ({"r_min": float("nan")}, r"r_min=nan must be in \[0, r_max=0.999\]"),
        ({"max_phase": 7.0}, r"max_phase=7.0 must be in \(0, 2 pi\]"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        LRU(**settings)

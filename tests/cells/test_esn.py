import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells.esn import ESN
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.identity import identity
from gradlab.initializers.orthogonal import orthogonal
from gradlab.initializers.spectral import spectral
from tests.cells import foreign

STARTS = [gaussian, identity, orthogonal, spectral]


def radius(w):
    return np.abs(np.linalg.eigvals(np.asarray(w))).max(axis=-1)


@pytest.mark.ends
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_spectral_radius_is_w_rec(start, n, key):
    init = lambda k: ESN().init(k, 2, n, 0.9, start)[0].w_rec
    w = jax.vmap(init)(jax.random.split(key, 5))
    np.testing.assert_allclose(radius(w), 0.9, rtol=1e-10)


@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_density_is_the_share_of_entries_kept(density, key):
    n = 100
    w = ESN(density=density).init(key, 2, n, 1.0, gaussian)[0].w_rec
    spread = np.sqrt(density * (1 - density)) / n
    assert (np.asarray(w) != 0).mean() == pytest.approx(density, abs=5 * spread + 1 / n**2)


def test_density_and_leak_leave_the_draws_alone(key):
    full, sparse = (ESN(density=d).init(key, 2, 30, 1.0, gaussian)[0] for d in (1.0, 0.3))
    kept = np.asarray(sparse.w_rec) != 0
    ratio = np.asarray(sparse.w_rec)[kept] / np.asarray(full.w_rec)[kept]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    np.testing.assert_array_equal(full.w_in, sparse.w_in)


def test_input_scaling(key):
    one, three = (ESN(input_scaling=s).init(key, 2, 5, 1.0, gaussian)[0] for s in (1.0, 3.0))
    np.testing.assert_allclose(three.w_in, 3 * one.w_in, rtol=1e-14)


@pytest.mark.parametrize("leak", [0.3, 1.0])
def test_equals_numpy(leak, key):
    cell = ESN(leak=leak, density=0.5)
    params, state, xs = foreign.network(cell, key, np.float64)
    w_in, w, b = map(np.asarray, params)
    h = np.zeros(foreign.N)
    for x, given in zip(np.asarray(xs), xs, strict=True):
        h = (1 - leak) * h + leak * np.tanh(w @ h + w_in @ x + b)
        state = cell.step(params, state, given)
        np.testing.assert_allclose(state.h, h, rtol=0, atol=1e-12)


def test_forgets_its_initial_state(key):
    """The echo state property: runs from two far states on the same inputs end up the same."""
    cell = ESN(density=0.5)
    params, state, _ = foreign.network(cell, key, np.float64)
    params = params._replace(w_rec=params.w_rec * (0.5 / jnp.linalg.norm(params.w_rec, 2)))
    xs = jax.random.normal(key, (100, foreign.D))
    first, second = (state._replace(h=h * jnp.ones(foreign.N)) for h in (-1.0, 1.0))
    for x in xs:
        first, second = (cell.step(params, s, x) for s in (first, second))
    # A step shrinks their distance by at least 1 - leak + leak |W| = 0.85.
    apart = np.linalg.norm(np.asarray(first.h - second.h))
    assert apart <= 2 * np.sqrt(foreign.N) * 0.85**100
    assert np.abs(first.h).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leak": 0.0}, r"leak=0.0 must be in \(0, 1\]"),
        ({"leak": 1.5}, r"leak=1.5 must be in \(0, 1\]"),
        ({"density": float("nan")}, r"density=nan must be in \(0, 1\]"),
        ({"input_scaling": -1.0}, r"input_scaling=-1.0 must be positive and finite"),
        ({"input_scaling": float("inf")}, r"input_scaling=inf must be positive and finite"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        ESN(**settings)

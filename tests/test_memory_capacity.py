"""Short-term memory of a reservoir (Jaeger 2001): at most N, and near N where it is linear and orthogonal."""

import jax
import numpy as np
import pytest

from gradlab import registry
from tests.test_contracts import orthogonal

N, WASHED, USED = 8, 200, 4000


def capacity(spec, w_rec, input_scale, delays=3 * N):
    """sum over delays k of the squared correlation of u(t-k) and its best linear readout, on fresh data."""
    cell = registry.make("cells", spec)
    key, key_x = jax.random.split(jax.random.key(11))
    params, state = cell.init(key, 1, N, w_rec, orthogonal)
    params = params._replace(w_in=input_scale * params.w_in)
    u = jax.random.uniform(key_x, (WASHED + 2 * USED, 1), minval=-0.5, maxval=0.5)
    _, hs = jax.jit(lambda s, u: jax.lax.scan(lambda s, x: (cell.step(params, s, x),) * 2, s, u))(state, u)
    h = np.asarray(jax.vmap(cell.readout)(hs))
    u = np.asarray(u)[:, 0]
    fit, test = np.arange(WASHED, WASHED + USED), np.arange(WASHED + USED, len(u))
    total = 0.0
    for k in range(1, delays + 1):
        weights = np.linalg.lstsq(np.c_[h[fit], np.ones(USED)], u[fit - k])[0]
        given = h[test] @ weights[:-1]
        total += np.corrcoef(given, u[test - k])[0, 1] ** 2
    return total


def test_linear_and_orthogonal_comes_near_n():
    """Its least squares tell N delays apart; chance alone adds about delays / samples."""
    found = capacity("elman(activation=identity)", 0.95, 0.1)
    assert 0.9 * N < found < N + 0.1


@pytest.mark.parametrize("w_rec", [0.5, 0.9, 1.3])
def test_of_an_echo_state_network_it_is_at_most_n(w_rec):
    assert 0.5 < capacity("esn(leak=1.0, density=1.0)", w_rec, 0.1) < N + 0.1


def test_it_peaks_just_below_radius_1_and_leaking_costs_memory():
    best = capacity("esn(leak=1.0, density=1.0)", 0.95, 0.1)
    assert best > 1.5 * capacity("esn(leak=1.0, density=1.0)", 0.5, 0.1)
    assert best > 1.5 * capacity("esn(leak=1.0, density=1.0)", 1.5, 0.1)
    assert best > capacity("esn(leak=0.3, density=1.0)", 0.95, 0.1)

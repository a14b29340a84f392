"""Short-term memory of a reservoir (Jaeger 2001): at most N, and N where it is linear."""

import functools

import jax
import numpy as np
import pytest

from gradlab import registry
from gradlab.testing import orthogonal

N, WASHED, USED, DELAYS = 8, 200, 6000, 80
ESN = "esn(leak=1.0, density=1.0)"


@functools.cache
def capacity(spec, w_rec):
    """sum over delays k of the squared correlation of u(t-k) and its best linear readout, on fresh data.

    From delay 0 on, since the state has read the input of its own step.
    """
    cell = registry.make("cells", spec)
    key, key_x = jax.random.split(jax.random.key(11))
    params, state = cell.init(key, 1, N, w_rec, orthogonal)
    params = params._replace(w_in=0.1 * params.w_in)
    u = jax.random.uniform(key_x, (WASHED + 2 * USED, 1), minval=-0.5, maxval=0.5)
    _, hs = jax.jit(lambda s, u: jax.lax.scan(lambda s, x: (cell.step(params, s, x),) * 2, s, u))(state, u)
    h, u = np.asarray(jax.vmap(cell.readout)(hs)), np.asarray(u)[:, 0]
    fit, test = np.arange(WASHED, WASHED + USED), np.arange(WASHED + USED, len(u))
    past = np.arange(DELAYS)
    weights = np.linalg.lstsq(np.c_[h[fit], np.ones(USED)], u[fit[:, None] - past])[0]
    given = h[test] @ weights[:-1]
    return sum(np.corrcoef(given[:, k], u[test - k])[0, 1] ** 2 for k in past)


def test_linear_and_orthogonal_it_is_n():
    """With radius 0.9 and over 80 delays, but for what the samples leave uncertain."""
    assert capacity("elman(activation=identity)", 0.9) == pytest.approx(N, abs=0.15)


@pytest.mark.parametrize("w_rec", [0.5, 0.9, 1.1])
def test_of_an_echo_state_network_it_is_at_most_n(w_rec):
    assert 0.5 < capacity(ESN, w_rec) < N + 0.1


def test_it_falls_beyond_radius_1():
    """The reservoir then goes its own way, and the more so the larger the radius."""
    assert capacity(ESN, 0.9) > 3 * capacity(ESN, 1.1) > 6 * capacity(ESN, 1.5)

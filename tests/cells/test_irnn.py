import jax
import numpy as np
import pytest

from gradlab.cells import elman
from gradlab.cells.irnn import IRNN
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step(params, state, x):
    return state._replace(h=exact.relu(params.w_rec @ state.h + params.w_in @ x + params.b))


def test_equals_the_equations():
    exact.assert_step("irnn", step)


@pytest.mark.slow
def test_gradient_equals_the_equations():
    exact.assert_gradient("irnn", step)


@pytest.mark.parametrize("w_rec", [1.0, 0.95, -0.5])
def test_starts_at_the_scaled_identity_from_any_initializer(w_rec, key):
    starts = [IRNN().init(key, 2, 5, w_rec, start)[0] for start in (gaussian, orthogonal)]
    np.testing.assert_array_equal(starts[0].w_rec, w_rec * np.eye(5))
    np.testing.assert_array_equal(starts[0].b, 0)
    for a, b in zip(*map(jax.tree.leaves, starts), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_a_rectified_elman(dtype, key):
    params, state, xs = foreign.network(IRNN(), key, dtype)
    for x in xs:
        theirs = elman.Elman("relu").step(elman.Params(*params), elman.State(*state), x).h
        state = IRNN().step(params, state, x)
        np.testing.assert_array_equal(state.h, theirs)


@pytest.mark.parametrize("w_rec", [0.5, 1.0, 1.3])
def test_units_that_stay_above_zero_carry_the_gradient_by_w_rec(w_rec):
    T = 40
    net = networks.network("irnn", T, w_rec=w_rec)
    net = net._replace(params=net.params._replace(b=net.params.b + 20))
    found = networks.measured(net, "adjoint", "transport")
    lags = np.arange(T + 1) * np.log10(w_rec)
    for name in ("adjoint", "transport"):
        np.testing.assert_allclose(found[name][:, 0], lags, rtol=0, atol=1e-12)


def test_units_below_zero_carry_nothing():
    net = networks.network("irnn", 40)
    net = net._replace(params=net.params._replace(b=net.params.b - 20))
    found = networks.measured(net, "transport")["transport_frobenius"][:, 0]
    np.testing.assert_array_equal(np.isneginf(found), [False] + 40 * [True])

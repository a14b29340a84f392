import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells import elman, esn
from gradlab.cells.leaky import Leaky
from tests import exact
from tests.cells import foreign
from tests.probes import networks

T = 40
FUNCTIONS = {"tanh": exact.tanh, "relu": exact.relu, "sigmoid": exact.sigmoid, "identity": lambda a: a}


def step(leak, activation):
    def step(params, state, x):
        a = params.w_rec @ state.h + params.w_in @ x + params.b
        return state._replace(h=(1 - leak) * state.h + leak * FUNCTIONS[activation](a))

    return step


@pytest.mark.ends
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_equals_the_equations(activation):
    exact.assert_step(f"leaky(activation={activation})", step(0.2, activation))


@pytest.mark.slow
def test_gradient_equals_the_equations():
    exact.assert_gradient("leaky", step(0.2, "tanh"), T=T)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_without_leak_equals_elman(activation, key):
    cell = Leaky(1.0, activation)
    params, state, xs = foreign.network(cell, key, np.float64)
    for x in xs:
        theirs = elman.Elman(activation).step(elman.Params(*params), elman.State(*state), x).h
        state = cell.step(params, state, x)
        np.testing.assert_array_equal(state.h, theirs)


def test_step_equals_an_echo_state_network(key):
    params, state, xs = foreign.network(Leaky(0.3), key, np.float64)
    for x in xs:
        theirs = esn.ESN(leak=0.3).step(esn.Params(*params), esn.State(*state), x).h
        state = Leaky(0.3).step(params, state, x)
        np.testing.assert_array_equal(state.h, theirs)


def test_without_recurrence_the_gradient_leaks_away():
    found = networks.measured(networks.network("leaky", T, w_rec=0.0), "transport")["transport"][:, 0]
    np.testing.assert_allclose(found, np.arange(T + 1) * np.log10(0.8), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("gain", "angle"), [(1.0, 0.3), (1.1, 0.3), (0.9, 2.0)])
def test_linear_rotation_has_the_rate_of_its_eigenvalue(gain, angle):
    """W turns by an angle and mirrors the axis: every step's Jacobian is one normal matrix."""
    net = networks.network("leaky(activation=identity)", T)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, -1]])
    net = net._replace(params=net.params._replace(w_rec=jnp.asarray(gain * turn)))
    rate = np.log10(abs(0.8 + 0.2 * gain * np.exp(1j * angle)))
    found = networks.measured(net, "transport")["transport"][:, 0]
    np.testing.assert_allclose(found, np.arange(T + 1) * rate, rtol=0, atol=1e-7)


def test_rate_theory():
    assert Leaky(1.0, "identity").rate_theory(0.1) == pytest.approx(-1)
    assert Leaky(1.0, "identity").rate_theory(0.0) is None
    assert Leaky(0.5, "identity").rate_theory(0.1) is None
    assert Leaky(1.0, "tanh").rate_theory(0.1) is None


@pytest.mark.parametrize("leak", [0.0, -0.1, 1.5, float("nan")])
def test_leak_is_a_share(leak):
    with pytest.raises(ValueError, match=rf"leak={leak} must be in \(0, 1\]"):
        Leaky(leak)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells.antisymmetric import Antisymmetric
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.identity import identity
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step(eps, gamma, gate):
    def step(params, state, x):
        n = len(state.h)
        m = params.w_rec - params.w_rec.T - gamma * np.eye(n)
        given = params.w_in @ x + params.b
        update = exact.tanh(m @ state.h + given[0])
        if gate:
            update = exact.sigmoid(m @ state.h + given[1]) * update
        return state._replace(h=state.h + eps * update)

    return step


@pytest.mark.parametrize("gate", [False, True])
def test_equals_the_equations(gate):
    exact.assert_step(f"antisymmetric(gate={str(gate).lower()})", step(0.1, 0.1, gate))


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.slow
def test_gradient_equals_the_equations(gate):
    exact.assert_gradient(f"antisymmetric(gate={str(gate).lower()})", step(0.1, 0.1, gate), w_rec=3.0)


def eigenvalues(cell, key, n=8):
    params, _ = cell.init(key, 2, n, 1.3, gaussian)
    key_h, key_x = jax.random.split(key)
    h, x = jax.random.normal(key_h, (n,)), jax.random.normal(key_x, (2,))
    state = cell.init(key, 2, n, 1.3, gaussian)[1]._replace(h=h)
    jacobian = jax.jacfwd(lambda s: cell.step(params, s, x).h)(state).h
    return np.linalg.eigvals(jacobian), np.linalg.norm(params.w_rec - params.w_rec.T, 2)


def test_undamped_eigenvalues_lie_on_the_line_through_1(key):
    """D (W - W^T) with D diagonal and positive has imaginary eigenvalues, at any state and input."""
    for eps in (0.5, 0.1, 0.01):
        found, size = eigenvalues(Antisymmetric(eps=eps, gamma=0.0), key)
        np.testing.assert_allclose(found.real, 1, rtol=0, atol=1e-13)
        assert np.abs(found.imag).max() > 0.05 * eps * size
        modulus = np.abs(found)
        assert modulus.min() >= 1 - 1e-13
        assert modulus.max() <= 1 + (eps * size) ** 2 / 2


def test_damping_moves_the_eigenvalues_inside(key):
    found, size = eigenvalues(Antisymmetric(eps=0.01, gamma=0.5), key)
    assert (found.real < 1).all()
    assert (found.real >= 1 - 0.01 * 0.5 - 1e-13).all()
    assert np.abs(np.abs(found) - 1).max() <= 0.01 * 0.5 + (0.01 * size) ** 2 / 2


@pytest.mark.parametrize("turn", [0.0, 0.8, 4.0])
def test_units_at_rest_turn_about_an_axis(turn):
    """At h = 0, x = 0, b = 0 a step is 1 - eps gamma + eps (W - W^T), a normal matrix: for N = 3 it turns.

    Its eigenvalues are 1 - eps gamma and 1 - eps gamma +- i eps turn.
    """
    T = 40
    net = networks.network("antisymmetric", T, bias=0.0)
    axis = np.array([1.0, 2.0, 2.0]) / 3
    w = np.cross(np.eye(3), axis * turn) / 2 + np.array([[0.3, 1, 0], [1, 0, 0.2], [0, 0.2, -0.4]])
    rest = jax.tree.map(jnp.zeros_like, net.state)
    net = net._replace(params=net.params._replace(w_rec=jnp.asarray(w)), state=rest, xs=0 * net.xs)
    rate = np.log10(np.hypot(1 - 0.1 * 0.1, 0.1 * turn))
    found = networks.measured(net, "transport")["transport"][:, 0]
    np.testing.assert_allclose(found, np.arange(T + 1) * rate, rtol=0, atol=1e-7)


def test_a_symmetric_start_leaves_the_damping(key):
    cell = Antisymmetric(eps=0.2, gamma=0.5)
    params, state = cell.init(key, 2, 4, 1.7, identity)
    x = jax.random.normal(key, (2,))
    jacobian = jax.jacfwd(lambda s: cell.step(params, s, x).h)(state).h
    slope = 1 - np.tanh(np.asarray(params.w_in[0] @ x)) ** 2
    np.testing.assert_allclose(jacobian, np.diag(1 - 0.2 * 0.5 * slope), rtol=1e-14)


def test_open_gate_is_no_gate_and_closed_gate_stands_still(key):
    cell = Antisymmetric(gate=True)
    params, state, xs = foreign.network(cell, key, np.float64)
    state = state._replace(h=jnp.ones(foreign.N))
    single = params._replace(w_in=params.w_in[:1], b=params.b[:1])
    ungated = Antisymmetric().step(single, state, xs[0]).h
    for bias, expected in ((50.0, ungated), (-50.0, state.h)):
        pushed = params._replace(b=params.b.at[1].set(bias))
        np.testing.assert_allclose(cell.step(pushed, state, xs[0]).h, expected, rtol=0, atol=1e-15)
        opening = cell.gate_values(pushed, state, xs[0])["z"]
        np.testing.assert_allclose(opening, bias > 0, rtol=0, atol=1e-15)
    assert not Antisymmetric().gate_values(single, state, xs[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eps": 0.0}, "eps=0.0 must be positive and finite"),
        ({"eps": float("inf")}, "eps=inf must be positive and finite"),
        ({"gamma": -0.1}, "gamma=-0.1 must be at least 0 and finite"),
        ({"gamma": float("nan")}, "gamma=nan must be at least 0 and finite"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Antisymmetric(**settings)

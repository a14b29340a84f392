import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells.lstm import LSTM
from gradlab.cells.peephole_lstm import Params, PeepholeLSTM, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign


def step(params, state, x):
    """Gers and Schmidhuber's equations, one gate after the other, on any numbers."""
    (u_i, u_f, u_g, u_o), (w_i, w_f, w_g, w_o), (p_i, p_f, p_o), (b_i, b_f, b_g, b_o) = params
    h, c = state
    i = exact.sigmoid(u_i @ x + w_i @ h + p_i * c + b_i)
    f = exact.sigmoid(u_f @ x + w_f @ h + p_f * c + b_f)
    new = f * c + i * exact.tanh(u_g @ x + w_g @ h + b_g)
    o = exact.sigmoid(u_o @ x + w_o @ h + p_o * new + b_o)
    return State(o * exact.tanh(new), new)


def test_states_are_those_of_the_equations():
    exact.assert_step("peephole_lstm", step)


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("peephole_lstm", step, T=16)


def test_without_peepholes_it_is_the_lstm(key):
    plain, state, xs = foreign.network(LSTM(), key, np.float64)
    params = Params(plain.w_in, plain.w_rec, jnp.zeros((3, foreign.N)), plain.b)
    ours = State(*state)
    for x in xs[:4]:
        ours, state = PeepholeLSTM().step(params, ours, x), LSTM().step(plain, state, x)
        np.testing.assert_array_equal(ours.c, state.c)
        np.testing.assert_array_equal(ours.h, state.h)


def test_each_peephole_sees_its_own_memory(key):
    """Those of i and f reach h through the new memory; that of o reads it, and reaches h alone."""
    cell = PeepholeLSTM()
    params, state, xs = foreign.network(cell, key, np.float64)
    state = State(h=state.h, c=jnp.arange(1.0, foreign.N + 1))
    step = jax.jit(lambda peep: cell.step(params._replace(peep=peep), state, xs[0]))
    slopes, after = jax.jacrev(step)(params.peep), step(params.peep)
    o = cell.gate_values(params, state, xs[0])["o"]
    exact_o = np.diag(o * (1 - o) * jnp.tanh(after.c) * after.c)
    np.testing.assert_allclose(slopes.h[:, 2], exact_o, rtol=1e-12, atol=1e-16)
    eye = np.eye(foreign.N, dtype=bool)
    for k, sees in enumerate((True, True, False)):
        np.testing.assert_array_equal(np.asarray(slopes.c[:, k]) != 0, eye & sees)


def test_openings_give_the_step(key):
    params, state, xs = foreign.network(PeepholeLSTM(), key, np.float64)
    for x in xs[:4]:
        opened, g = PeepholeLSTM().gate_values(params, state, x), params.w_rec[2] @ state.h
        g = jnp.tanh(g + params.w_in[2] @ x + params.b[2])
        c = opened["f"] * state.c + opened["i"] * g
        state = PeepholeLSTM().step(params, state, x)
        np.testing.assert_allclose(state.c, c, rtol=1e-13)
        np.testing.assert_allclose(state.h, opened["o"] * jnp.tanh(c), rtol=1e-13)


def test_peepholes_start_small(key):
    n = 400
    params, state = PeepholeLSTM(forget_bias=2.0).init(key, 2, n, 0.0, lambda key, n: jnp.eye(n))
    assert np.asarray(params.peep).std() * n**0.5 == pytest.approx(1, abs=5 / (2 * 3 * n) ** 0.5)
    np.testing.assert_array_equal(params.b, np.array([0.0, 2, 0, 0])[:, None] * np.ones(n))
    assert not any(leaf.any() for leaf in jax.tree.leaves(state))


def test_chrono_sets_forget_and_input_gate_and_nothing_else(key):
    plain, slow = (PeepholeLSTM(chrono=T).init(key, 2, 8, 1.0, gaussian)[0] for T in (0.0, 50.0))
    np.testing.assert_array_equal(slow.b[0], -slow.b[1])
    np.testing.assert_array_equal(slow.b[2:], 0)
    assert ((slow.b[1] >= 0) & (slow.b[1] <= np.log(49))).all()
    for name in ("w_in", "w_rec", "peep"):
        np.testing.assert_array_equal(getattr(slow, name), getattr(plain, name))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forget_bias": float("inf")}, "forget_bias=inf must be finite"),
        ({"chrono": 1.5}, r"chrono=1.5 must be 0 \(off\), or finite and at least 2"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        PeepholeLSTM(**settings)

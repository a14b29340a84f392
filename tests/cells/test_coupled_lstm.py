import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells import lstm
from gradlab.cells.coupled_lstm import CoupledLSTM, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign


def step(params, state, x):
    (u_f, u_g, u_o), (w_f, w_g, w_o), (b_f, b_g, b_o) = params
    f = exact.sigmoid(u_f @ x + w_f @ state.h + b_f)
    c = f * state.c + (1 - f) * exact.tanh(u_g @ x + w_g @ state.h + b_g)
    return State(exact.sigmoid(u_o @ x + w_o @ state.h + b_o) * exact.tanh(c), c)


def test_states_are_those_of_the_equations():
    exact.assert_step("coupled_lstm", step)


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("coupled_lstm", step, T=16)


def test_it_is_the_lstm_whose_input_gate_mirrors_its_forget_gate(key):
    cell = CoupledLSTM()
    params, state, xs = foreign.network(cell, key, np.float64)
    tied = lstm.Params(*(jnp.concatenate([-leaf[:1], leaf]) for leaf in params))
    theirs = lstm.State(*state)
    for x in xs[:4]:
        state, theirs = cell.step(params, state, x), lstm.LSTM().step(tied, theirs, x)
        np.testing.assert_allclose(state.c, theirs.c, rtol=1e-13)
        np.testing.assert_allclose(state.h, theirs.h, rtol=1e-13)


def test_memory_stays_within_what_is_written(key):
    """A moving average of g, of which |g| < 1."""
    cell = CoupledLSTM()
    params, state, xs = foreign.network(cell, key, np.float64)
    last, _ = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), state, jnp.tile(10 * xs, (20, 1)))
    assert np.abs(last.c).max() < 1


def test_an_almost_closed_gate_still_lets_a_gradient_through_in_float32(key):
    """With f = 1 - 1e-13, float32 rounds f to 1; what reaches g is 1e-13 of it, not 0."""
    params, state, xs = foreign.network(CoupledLSTM(), key, np.float32)
    params = params._replace(b=jnp.zeros_like(params.b).at[0].set(30.0), w_rec=0 * params.w_rec)
    to_g = jax.grad(lambda p: CoupledLSTM().step(p, state, xs[0]).c.sum())(params).b[1]
    g = np.tanh(np.float64(params.w_in[1] @ xs[0]))
    f = 30 + np.float64(params.w_in[0] @ xs[0])
    np.testing.assert_allclose(to_g, expit(-f) * (1 - g**2), rtol=1e-4)


def test_openings_carry_the_memory(key):
    cell = CoupledLSTM()
    params, state, xs = foreign.network(cell, key, np.float64)
    opened = cell.gate_values(params, state, xs[0])
    carried = jax.jacfwd(lambda s: cell.step(params, s, xs[0]).c)(state).c
    np.testing.assert_allclose(carried, np.diag(opened[cell.carry_gate]), rtol=1e-14)
    np.testing.assert_allclose(opened["i"] + opened["f"], 1, rtol=1e-15)


def test_biases_at_the_start(key):
    plain, slow = (CoupledLSTM(2.0, chrono).init(key, 2, 8, 1.0, gaussian)[0] for chrono in (0.0, 50.0))
    np.testing.assert_array_equal(plain.b, np.array([2.0, 0, 0])[:, None] * np.ones(8))
    assert ((slow.b[0] >= 0) & (slow.b[0] <= np.log(49))).all()
    assert len(set(slow.b[0].tolist())) == 8
    np.testing.assert_array_equal(slow.b[1:], 0)
    np.testing.assert_array_equal(slow.w_rec, plain.w_rec)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forget_bias": float("nan")}, "forget_bias=nan must be finite"),
        ({"chrono": -3.0}, r"chrono=-3.0 must be 0 \(off\), or finite and at least 2"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        CoupledLSTM(**settings)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells import lstm
from gradlab.cells.lstm97 import LSTM97, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def published(params, state, x):
    """The squashing functions as Hochreiter and Schmidhuber write them: 4 σ - 2 and 2 σ - 1."""
    (u_i, u_g, u_o), (w_i, w_g, w_o), (b_i, b_g, b_o) = params
    g = 4 * exact.sigmoid(u_g @ x + w_g @ state.h + b_g) - 2
    c = state.c + exact.sigmoid(u_i @ x + w_i @ state.h + b_i) * g
    return State(exact.sigmoid(u_o @ x + w_o @ state.h + b_o) * (2 * exact.sigmoid(c) - 1), c)


def modern(params, state, x):
    (u_i, u_g, u_o), (w_i, w_g, w_o), (b_i, b_g, b_o) = params
    i = exact.sigmoid(u_i @ x + w_i @ state.h + b_i)
    c = state.c + i * exact.tanh(u_g @ x + w_g @ state.h + b_g)
    return State(exact.sigmoid(u_o @ x + w_o @ state.h + b_o) * exact.tanh(c), c)


STEPS = {"lstm97": modern, "lstm97(squash=logistic)": published}


@pytest.mark.parametrize("spec", STEPS)
def test_states_are_those_of_the_equations(spec):
    exact.assert_step(spec, STEPS[spec])


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("lstm97", modern, T=16)


def test_it_is_the_lstm_without_a_forget_gate(key):
    ours, theirs = LSTM97(), lstm.LSTM(forget_gate=False)
    params, state = ours.init(key, 2, 4, 0.9, gaussian)
    others, _ = theirs.init(key, 2, 4, 0.9, gaussian)
    x = jnp.array([0.3, -1.0])
    for a, b in zip(params, others, strict=True):
        np.testing.assert_array_equal(a, b)
    after = theirs.step(others, lstm.State(*state), x)
    for a, b in zip(ours.step(params, state, x), after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("squash", ["tanh", "logistic"])
def test_the_error_carousel_is_exactly_the_identity(squash, key):
    cell = LSTM97(squash)
    params, state, xs = foreign.network(cell, key, np.float64)
    state = State(*(leaf + 0.7 for leaf in state))
    carried = jax.jacrev(lambda s: cell.step(params, s, xs[0]).c)(state).c
    np.testing.assert_array_equal(carried, np.eye(foreign.N))


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_without_recurrence_the_memory_is_carried_over_any_lag_by_exactly_1(dtype):
    net = networks.network("lstm97", 60, w_rec=0.0, dtype=dtype)

    def last(c):
        state = net.state._replace(c=c)
        return jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, net.xs)[0].c

    np.testing.assert_array_equal(jax.jit(jax.jacrev(last))(net.state.c), np.eye(3))


def test_the_transport_without_recurrence_is_the_same_at_every_lag():
    """What is left is c and one look at it by h. With recurrence the gates open further paths."""
    alone, whole = (
        networks.measured(networks.network("lstm97", 60, w_rec=w_rec), "transport") for w_rec in (0.0, 2.0)
    )
    of_memory = alone["transport_frobenius"][1:, 2]
    np.testing.assert_array_equal(of_memory, of_memory[0])
    largest = 10 ** alone["transport"][1:, 0]
    np.testing.assert_allclose(largest, largest[0], rtol=1e-6)
    assert 1 < largest[0] < 2**0.5
    assert np.ptp(whole["transport"][1:, 0]) > 0.1


def test_openings_give_the_step(key):
    cell = LSTM97()
    params, state, xs = foreign.network(cell, key, np.float64)
    opened = cell.gate_values(params, state, xs[0])
    after = cell.step(params, state, xs[0])
    g = jnp.tanh(params.w_in[1] @ xs[0] + params.w_rec[1] @ state.h + params.b[1])
    np.testing.assert_allclose(after.c, state.c + opened["i"] * g, rtol=1e-13)
    np.testing.assert_allclose(after.h, opened["o"] * jnp.tanh(after.c), rtol=1e-13)
    assert cell.carry_gate is None

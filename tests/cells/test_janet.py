import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from scipy.special import expit

from gradlab.cells.janet import JANET, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step_of(beta):
    def step(params, state, x):
        (u_f, u_n), (w_f, w_n), (b_f, b_n) = params
        s = u_f @ x + w_f @ state.h + b_f
        n = exact.tanh(u_n @ x + w_n @ state.h + b_n)
        return State(exact.sigmoid(s) * state.h + (1 - exact.sigmoid(s - beta)) * n)

    return step


@pytest.mark.parametrize("beta", [1, -2])
def test_states_are_those_of_the_equations(beta):
    exact.assert_step(f"janet(beta={beta})", step_of(beta))


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("janet", step_of(1), T=16)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_coupled_it_equals_flax(dtype, key):
    """flax's MGUCell without its reset gate is this cell with beta = 0."""
    cell = JANET(beta=0.0)
    params, state, xs = foreign.network(cell, key, dtype)
    theirs = linen.MGUCell(foreign.N, reset_gate=False, dtype=dtype, param_dtype=dtype)
    layers = {}
    for k, gate in enumerate(JANET.gates):
        layers[f"i{gate}"] = foreign.dense(params.w_in[k], params.b[k])
        layers[f"h{gate}"] = foreign.dense(params.w_rec[k])
    step = lambda h, x: theirs.apply({"params": layers}, h, x)
    foreign.assert_equal(cell, params, state, xs, step, state.h)


def test_an_almost_closed_gate_still_lets_a_gradient_through_in_float32(key):
    """With f = 1 - 1e-13, float32 rounds f to 1; what reaches n is 1e-13 of it, not 0."""
    params, state, xs = foreign.network(JANET(), key, np.float32)
    params = params._replace(b=jnp.zeros_like(params.b).at[0].set(30.0), w_rec=0 * params.w_rec)
    to_n = jax.grad(lambda p: JANET().step(p, state, xs[0]).h.sum())(params).b[1]
    n = np.tanh(np.float64(params.w_in[1] @ xs[0]))
    a = 29 + np.float64(params.w_in[0] @ xs[0])
    np.testing.assert_allclose(to_n, expit(-a) * (1 - n**2), rtol=1e-4)


def test_openings_carry_the_memory_and_give_the_step(key):
    cell = JANET(beta=0.5)
    params, state, xs = foreign.network(cell, key, np.float64)
    alone, state = params._replace(w_rec=0 * params.w_rec), State(state.h + 0.5)
    carried = jax.jacfwd(lambda s: cell.step(alone, s, xs[0]))(state).h.h
    np.testing.assert_allclose(
        carried, np.diag(cell.gate_values(alone, state, xs[0])[cell.carry_gate]), rtol=1e-14
    )
    opened = cell.gate_values(params, state, xs[0])
    n = jnp.tanh(params.w_in[1] @ xs[0] + params.w_rec[1] @ state.h + params.b[1])
    h = opened["f"] * state.h + opened["i"] * n
    np.testing.assert_allclose(cell.step(params, state, xs[0]).h, h, rtol=1e-13)


def test_chrono_lengthens_the_memory_to_its_time_scales():
    """Without input and recurrence a unit keeps u / (1 + u) a step, u = exp(b_f)."""
    for spec in ("janet", "janet(chrono=100)"):
        net = networks.network(spec, 40, w_rec=0.0, bias=0.0)
        nothing = jnp.zeros_like(net.xs)

        def last(state, net=net, nothing=nothing):
            return jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, nothing)[0]

        u = np.exp(np.asarray(net.params.b[0]))
        carried = jax.jit(jax.jacrev(last))(net.state).h.h
        np.testing.assert_allclose(carried, np.diag((u / (1 + u)) ** 40), rtol=1e-12)
        assert (u == 1).all() if spec == "janet" else 10 < u.max() < 99


def test_chrono_leaves_the_other_draws_alone(key):
    plain, slow = (JANET(chrono=longest).init(key, 2, 8, 1.0, gaussian)[0] for longest in (0.0, 50.0))
    assert not plain.b.any()
    assert not slow.b[1].any()
    np.testing.assert_array_equal(slow.w_rec, plain.w_rec)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": float("nan")}, "beta=nan must be finite"),
        ({"chrono": 0.5}, r"chrono=0.5 must be 0 \(off\), or finite and at least 2"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        JANET(**settings)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells import gru
from gradlab.cells.mgu import MGU, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step(params, state, x):
    (u_f, u_n), (w_f, w_n), (b_f, b_n) = params
    f = exact.sigmoid(u_f @ x + w_f @ state.h + b_f)
    n = exact.tanh(u_n @ x + w_n @ (f * state.h) + b_n)
    return State((1 - f) * state.h + f * n)


def test_states_are_those_of_the_equations():
    exact.assert_step("mgu", step)


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("mgu", step, T=16)


def test_it_is_the_gru_whose_gates_are_one(key):
    """flax's MGUCell keeps where this one writes, and resets after the product: no peer to compare with."""
    params, state, xs = foreign.network(MGU(), key, np.float64)
    tied = gru.Params(*(jnp.stack([leaf[0], -leaf[0], leaf[1]]) for leaf in params))
    theirs = gru.State(*state)
    for x in xs[:4]:
        state, theirs = MGU().step(params, state, x), gru.GRU("before").step(tied, theirs, x)
        np.testing.assert_allclose(state.h, theirs.h, rtol=1e-13)


def test_an_almost_open_gate_still_carries_a_gradient_in_float32(key):
    """With f = 1 - 1e-13, float32 rounds f to 1; what is carried of h is 1e-13 of it, not 0."""
    params, state, xs = foreign.network(MGU(), key, np.float32)
    params = params._replace(b=jnp.zeros_like(params.b).at[0].set(30.0), w_rec=0 * params.w_rec)
    carried = jax.jacrev(lambda s: MGU().step(params, s, xs[0]))(state).h.h
    f = 30 + np.float64(params.w_in[0] @ xs[0])
    np.testing.assert_allclose(carried, np.diag(expit(-f)), rtol=1e-4)


def test_openings_carry_the_memory(key):
    params, state, xs = foreign.network(MGU(), key, np.float64)
    alone = params._replace(w_rec=0 * params.w_rec)
    opened = MGU().gate_values(alone, state, xs[0])
    carried = jax.jacfwd(lambda s: MGU().step(alone, s, xs[0]))(state).h.h
    np.testing.assert_allclose(carried, np.diag(opened["z"]), rtol=1e-14)
    state = State(state.h + 0.5)
    opened = MGU().gate_values(params, state, xs[0])
    np.testing.assert_allclose(opened["z"] + opened["f"], 1, rtol=1e-15)
    n = jnp.tanh(params.w_in[1] @ xs[0] + params.w_rec[1] @ (opened["f"] * state.h) + params.b[1])
    h = opened["z"] * state.h + opened["f"] * n
    np.testing.assert_allclose(MGU().step(params, state, xs[0]).h, h, rtol=1e-13)


def test_chrono_lengthens_the_memory_to_its_time_scales():
    """Without input and recurrence a unit keeps u / (1 + u) a step, u = exp(-b_f)."""
    for spec in ("mgu", "mgu(chrono=100)"):
        net = networks.network(spec, 40, w_rec=0.0, bias=0.0)
        nothing = jnp.zeros_like(net.xs)

        def last(state, net=net, nothing=nothing):
            return jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, nothing)[0]

        u = np.exp(-np.asarray(net.params.b[0]))
        carried = jax.jit(jax.jacrev(last))(net.state).h.h
        np.testing.assert_allclose(carried, np.diag((u / (1 + u)) ** 40), rtol=1e-12)
        assert (u == 1).all() if spec == "mgu" else 10 < u.max() < 99


def test_chrono_leaves_the_other_draws_alone(key):
    plain, slow = (MGU(chrono).init(key, 2, 8, 1.0, gaussian)[0] for chrono in (0.0, 50.0))
    assert not plain.b.any()
    assert not slow.b[1].any()
    np.testing.assert_array_equal(slow.w_rec, plain.w_rec)
    with pytest.raises(ValueError, match=r"chrono=1.0 must be 0 \(off\), or finite and at least 2"):
        MGU(1.0)

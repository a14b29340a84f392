import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from scipy.special import expit

from gradlab.cells.gru import GRU, State
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step_of(reset):
    def step(params, state, x):
        (u_r, u_z, u_n), (w_r, w_z, w_n), (b_r, b_z, b_n) = params
        h = state.h
        r, z = exact.sigmoid(u_r @ x + w_r @ h + b_r), exact.sigmoid(u_z @ x + w_z @ h + b_z)
        inner = w_n @ (r * h) if reset == "before" else r * (w_n @ h)
        return State(z * h + (1 - z) * exact.tanh(u_n @ x + inner + b_n))

    return step


@pytest.mark.parametrize("reset", ["before", "after"])
def test_states_are_those_of_the_equations(reset):
    exact.assert_step(f"gru(reset={reset})", step_of(reset))


@pytest.mark.slow
def test_gradients_are_those_of_the_equations():
    exact.assert_gradient("gru", step_of("before"), T=16)


@pytest.mark.ends
@pytest.mark.parametrize("dtype", foreign.DTYPES)
@pytest.mark.parametrize("reset", ["after", "after_bias"])
def test_reset_after_equals_equinox(dtype, reset, key):
    cell = GRU(reset)
    params, state, xs = foreign.network(cell, key, dtype)
    inner = jnp.zeros(foreign.N, dtype)
    if reset == "after_bias":
        inner = jnp.linspace(-1, 1, foreign.N, dtype=dtype)
        params = params._replace(b_rec=inner)
    theirs = eqx.nn.GRUCell(foreign.D, foreign.N, dtype=dtype, key=key)
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n),
        theirs,
        (
            params.w_in.reshape(-1, foreign.D),
            params.w_rec.reshape(-1, foreign.N),
            params.b.reshape(-1),
            inner,
        ),
    )
    foreign.assert_equal(cell, params, state, xs, lambda h, x: (theirs(x, h),) * 2, state.h)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_reset_after_equals_flax(dtype, key):
    cell = GRU("after")
    params, state, xs = foreign.network(cell, key, dtype)
    theirs = linen.GRUCell(foreign.N, dtype=dtype, param_dtype=dtype)
    layers = {}
    for k, gate in enumerate(GRU.gates):
        layers[f"i{gate}"] = foreign.dense(params.w_in[k], params.b[k])
        layers[f"h{gate}"] = foreign.dense(params.w_rec[k])
    layers["hn"]["bias"] = jnp.zeros(foreign.N, dtype)
    step = lambda h, x: theirs.apply({"params": layers}, h, x)
    foreign.assert_equal(cell, params, state, xs, step, state.h)


def test_reset_before_equals_cho(key):
    """Equations 5 to 8 of Cho et al. 2014, in NumPy; neither equinox nor flax has this form."""
    params, state, xs = foreign.network(GRU(), key, np.float64)
    (u_r, u_z, u), (w_r, w_z, w), (b_r, b_z, b) = map(np.asarray, (params.w_rec, params.w_in, params.b))
    h = np.zeros(foreign.N)
    for x, given in zip(np.asarray(xs), xs, strict=True):
        r = expit(w_r @ x + u_r @ h + b_r)
        z = expit(w_z @ x + u_z @ h + b_z)
        h = z * h + (1 - z) * np.tanh(w @ x + u @ (r * h) + b)
        state = GRU().step(params, state, given)
        np.testing.assert_allclose(state.h, h, rtol=0, atol=1e-12)


def test_the_two_forms_differ(key):
    params, state, xs = foreign.network(GRU(), key, np.float64)
    state = state._replace(h=jnp.ones(foreign.N))
    before, after = (GRU(form).step(params, state, xs[0]).h for form in ("before", "after"))
    assert np.abs(before - after).max() > 1e-3


def test_an_almost_closed_gate_still_lets_a_gradient_through_in_float32(key):
    """With z = 1 - 1e-13, float32 rounds z to 1; what reaches n is 1e-13 of it, not 0."""
    params, state, xs = foreign.network(GRU(), key, np.float32)
    params = params._replace(b=jnp.zeros_like(params.b).at[1].set(30.0), w_rec=0 * params.w_rec)
    to_n = jax.grad(lambda p: GRU().step(p, state, xs[0]).h.sum())(params).b[2]
    n = np.tanh(np.float64(params.w_in[2] @ xs[0]))
    z = 30 + np.float64(params.w_in[1] @ xs[0])
    np.testing.assert_allclose(to_n, expit(-z) * (1 - n**2), rtol=1e-4)


def test_openings_carry_the_memory_and_give_the_step(key):
    cell = GRU()
    params, state, xs = foreign.network(cell, key, np.float64)
    alone, state = params._replace(w_rec=0 * params.w_rec), State(state.h + 0.5)
    carried = jax.jacfwd(lambda s: cell.step(alone, s, xs[0]))(state).h.h
    np.testing.assert_allclose(
        carried, np.diag(cell.gate_values(alone, state, xs[0])[cell.carry_gate]), rtol=1e-14
    )
    opened = cell.gate_values(params, state, xs[0])
    n = jnp.tanh(params.w_in[2] @ xs[0] + params.w_rec[2] @ (opened["r"] * state.h) + params.b[2])
    h = opened["z"] * state.h + (1 - opened["z"]) * n
    np.testing.assert_allclose(cell.step(params, state, xs[0]).h, h, rtol=1e-13)


def test_chrono_lengthens_the_memory_to_its_time_scales():
    """Without input and recurrence a unit keeps u / (1 + u) a step, u = exp(b_z)."""
    for spec in ("gru", "gru(chrono=100)"):
        net = networks.network(spec, 40, w_rec=0.0, bias=0.0)
        nothing = jnp.zeros_like(net.xs)

        def last(state, net=net, nothing=nothing):
            return jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, nothing)[0]

        u = np.exp(np.asarray(net.params.b[1]))
        carried = jax.jit(jax.jacrev(last))(net.state).h.h
        np.testing.assert_allclose(carried, np.diag((u / (1 + u)) ** 40), rtol=1e-12)
        assert (u == 1).all() if spec == "gru" else 10 < u.max() < 99


def test_chrono_leaves_the_other_draws_alone(key):
    plain, slow = (GRU(chrono=longest).init(key, 2, 8, 1.0, gaussian)[0] for longest in (0.0, 50.0))
    assert not plain.b.any()
    np.testing.assert_array_equal(np.asarray(slow.b).any(axis=1), [False, True, False])
    np.testing.assert_array_equal(slow.w_in, plain.w_in)
    np.testing.assert_array_equal(slow.w_rec, plain.w_rec)
    with pytest.raises(ValueError, match=r"chrono=1.0 must be 0 \(off\), or finite and at least 2"):
        GRU(chrono=1.0)

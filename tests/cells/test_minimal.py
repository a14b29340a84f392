import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells.minimal import Minimal
from gradlab.initializers.gaussian import gaussian
from tests import exact
from tests.cells import foreign


def step(f):
    def step(params, state, x):
        e = f(params.w_in @ x)
        u = exact.sigmoid(params.w_rec[0] @ state.h + params.w_embedded[0] @ e + params.b[0])
        return state._replace(h=u * state.h + (1 - u) * e)

    return step


@pytest.mark.parametrize(("embedding", "f"), [("tanh", exact.tanh), ("identity", lambda a: a)])
def test_equals_the_equations(embedding, f):
    exact.assert_step(f"minimal(embedding={embedding})", step(f))


@pytest.mark.slow
def test_gradient_equals_the_equations():
    exact.assert_gradient("minimal", step(exact.tanh))


def mean_field(sw, sv, R, mu):
    """Q and chi of Chen, Pennington, Schoenholz 2018, by quadrature and iteration to the fixed point."""
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    weight = weight / weight.sum()
    Q, before = R, 0
    while abs(Q - before) > 1e-12:
        u = expit(np.sqrt(sw**2 * Q + sv**2 * R) * z + mu)
        Q, before = R * (weight @ (1 - u) ** 2) / (1 - weight @ u**2), Q
    return Q, weight @ u**2 + sw**2 * (Q + R) * (weight @ (u * (1 - u)) ** 2)


@pytest.mark.ends
@pytest.mark.parametrize(
    ("sw", "sv", "R", "mu", "chi"),
    [
        (1.0, 1.0, 1.0, 0.0, 0.3645),
        (1.0, 1.0, 1.0, 2.0, 0.7444),
        (1.0, 1.0, 1.0, 6.0, 0.9920),
        (6.88, 1.39, 0.46, 0.0, 0.9988),
    ],
)
def test_squared_gradient_grows_as_mean_field_theory_says(sw, sv, R, mu, chi, key):
    """The growth of the squared length of random vectors in one step, N = 1024, a mean over 20 steps."""
    n, cell = 1024, Minimal("identity")
    Q, theory = mean_field(sw, sv, R, mu)
    assert theory == pytest.approx(chi, abs=6e-5)
    key_init, key_h, key_x, key_v = jax.random.split(key, 4)
    params, state = cell.init(key_init, n, n, sw, gaussian)
    params = params._replace(
        w_in=jnp.eye(n), w_embedded=sv * params.w_embedded, b=jnp.full_like(params.b, mu)
    )
    state = state._replace(h=np.sqrt(Q) * jax.random.normal(key_h, (n,)))
    xs = np.sqrt(R) * jax.random.normal(key_x, (30, n))
    vs = jax.random.rademacher(key_v, (4, n), float)

    @jax.jit
    def one(state, x):
        push = jax.linearize(lambda h: cell.step(params, state._replace(h=h), x).h, state.h)[1]
        return cell.step(params, state, x), (jax.vmap(push)(vs) ** 2).sum() / vs.size

    gains = jax.lax.scan(one, state, xs)[1][10:]
    assert gains.mean() == pytest.approx(theory, rel=0.02)


def test_the_gate_chooses_between_state_and_input(key):
    params, state, xs = foreign.network(Minimal(), key, np.float64)
    state = state._replace(h=jnp.full(foreign.N, 0.7))
    for bias, expected in ((50.0, state.h), (-50.0, jnp.tanh(params.w_in @ xs[0]))):
        pushed = params._replace(b=jnp.full_like(params.b, bias))
        np.testing.assert_allclose(Minimal().step(pushed, state, xs[0]).h, expected, rtol=0, atol=1e-15)
        opening = Minimal().gate_values(pushed, state, xs[0])["u"]
        np.testing.assert_allclose(opening, bias > 0, rtol=0, atol=1e-15)


def test_memory_is_carried_by_the_gate_that_keeps(key):
    """With the gate held still, dh'/dh is its opening."""
    params, state, xs = foreign.network(Minimal(), key, np.float64)
    params = params._replace(w_rec=0 * params.w_rec)
    jacobian = jax.jacfwd(lambda s: Minimal().step(params, s, xs[0]).h)(state).h
    opening = Minimal().gate_values(params, state, xs[0])[Minimal.carry_gate]
    np.testing.assert_allclose(jacobian, np.diag(opening), rtol=1e-14)

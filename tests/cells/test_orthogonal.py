import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells import elman
from gradlab.cells.orthogonal import Orthogonal, State
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.identity import identity
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.probes import networks


def matrix(params):
    """W, from the formula: explicit reflections, multiplied out."""
    w = params.w_rec
    for v in params.mirrors[::-1]:
        w = w @ (np.eye(len(v)) - 2 * np.outer(v, v) / (v @ v))
    return w


def step(activation):
    def step(params, state, x):
        a = matrix(params) @ state.h + params.w_in @ x
        if activation == "modrelu":
            return state._replace(h=np.sign(a) * exact.relu(abs(a) + params.b))
        return state._replace(h={"tanh": exact.tanh, "identity": lambda a: a}[activation](a + params.b))

    return step


@pytest.mark.ends
@pytest.mark.parametrize("activation", ["tanh", "identity", "modrelu"])
def test_equals_the_equations(activation):
    exact.assert_step(f"orthogonal(activation={activation}, reflections=2)", step(activation))


@pytest.mark.parametrize("activation", ["tanh", "modrelu"])
@pytest.mark.slow
def test_gradient_equals_the_equations(activation):
    exact.assert_gradient(f"orthogonal(activation={activation}, reflections=2)", step(activation), T=20)


def product(cell, params, n):
    """W as the step multiplies by it."""
    linear, dtype = Orthogonal("identity", cell.reflections), params.w_rec.dtype
    step = lambda h: linear.step(params, State(h), jnp.zeros(2, dtype)).h
    return np.asarray(jax.jacfwd(step)(jnp.zeros(n, dtype)))


@pytest.mark.parametrize("start", [orthogonal, identity])
def test_starts_at_the_initializers_matrix(start, key):
    cell = Orthogonal(reflections=5)
    params, _ = cell.init(key, 2, 8, -0.7, start)
    expected = -0.7 * start(jax.random.split(key, 3)[1], 8)
    np.testing.assert_allclose(product(cell, params, 8), expected, rtol=0, atol=1e-14)


def test_starts_at_the_orthogonal_factor_of_a_matrix_that_is_not(key):
    cell = Orthogonal()
    params, _ = cell.init(key, 2, 8, 1.0, gaussian)
    q = product(cell, params, 8)
    np.testing.assert_allclose(q @ q.T, np.eye(8), rtol=0, atol=1e-14)
    r = q.T @ np.asarray(gaussian(jax.random.split(key, 3)[1], 8))
    np.testing.assert_allclose(np.tril(r, -1), 0, rtol=0, atol=1e-14)
    assert (np.diagonal(r) > 0).all()


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_stays_orthogonal_through_any_gradient_step(dtype, atol, key):
    cell, n = Orthogonal(reflections=8), 8
    net = networks.network("orthogonal", 10, n=n, w_rec=1.2, dtype=dtype)
    before = product(cell, net.params, n)

    def loss(params):
        last, _ = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), net.state, net.xs)
        return (last.h * jnp.arange(1, n + 1, dtype=last.h.dtype)).sum()

    gradient = jax.jit(jax.grad(loss))(net.params).mirrors
    assert (np.abs(gradient).max(axis=1) > 0).all()
    for rate in (0.1, 3.0, 1000.0):
        params = net.params._replace(mirrors=net.params.mirrors - dtype(rate) * gradient)
        after = product(cell, params, n)
        assert np.linalg.norm(after - before) > 0.01
        np.testing.assert_allclose(after @ after.T, 1.2**2 * np.eye(n), rtol=0, atol=atol)
        assert np.linalg.det(after) == pytest.approx(np.linalg.det(before), rel=100 * atol)


@pytest.mark.slow
def test_equals_an_elman_with_its_matrix():
    """States, adjoint and the norm of the weight gradient at every lag."""
    net = networks.network("orthogonal(reflections=2)", 20, w_rec=1.1)
    w = jnp.asarray(matrix(jax.tree.map(np.asarray, net.params)))
    params = elman.Params(net.params.w_in, w, net.params.b)
    other = networks.Network(elman.Elman(), params, elman.State(*net.state), net.xs)
    ours, theirs = (networks.measured(one, "adjoint") for one in (net, other))
    for name in ("adjoint", "weight_gradient"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-12)


def test_rate_theory():
    assert Orthogonal("identity").rate_theory(0.1) == pytest.approx(-1)
    assert Orthogonal("identity").rate_theory(0.0) is None
    assert Orthogonal("tanh").rate_theory(0.1) is None


def test_there_is_a_reflection():
    with pytest.raises(ValueError, match="reflections=0 must be at least 1"):
        Orthogonal(reflections=0)

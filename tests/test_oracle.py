"""The oracle against plain autodiff in float64, over a length where both are finite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from mpmath import mpf

from gradlab.initializers.gaussian import gaussian
from gradlab.registry import make
from tests import oracle

SPECS = [
    *(f"elman(activation={name})" for name in ("tanh", "relu", "sigmoid", "identity")),
    "esn(density=0.8)",
    "gru",
    "gru(reset=after)",
    "lstm",
]
T, D, N = 20, 2, 3


def network(spec, key):
    """A cell with every parameter drawn, its states along random inputs, and a cotangent."""
    cell = make("cells", spec)
    key_init, key_b, key_h, key_x, key_g = jax.random.split(key, 5)
    params, state = cell.init(key_init, D, N, 1.3, gaussian)
    params = params._replace(b=0.5 * jax.random.normal(key_b, params.b.shape))
    state = jax.tree.map(lambda leaf: 0.5 * jax.random.normal(key_h, leaf.shape), state)
    xs = jax.random.normal(key_x, (T, D))
    states = oracle.trajectory(cell.step, params, state, xs)
    cotangent = jax.tree.map(lambda leaf: jax.random.normal(key_g, leaf.shape), state)
    return cell, params, states, xs, cotangent


def at(states, t):
    return jax.tree.map(lambda leaf: leaf[t], states)


def norm(tree):
    return jnp.linalg.norm(ravel_pytree(tree)[0])


@pytest.mark.ends
@pytest.mark.parametrize("spec", SPECS)
def test_adjoint_and_weight_gradient_equal_autodiff(spec, key):
    cell, params, states, xs, g = network(spec, key)
    exact = oracle.adjoint(cell, params, states, xs, g)
    whole, parts, weight = [norm(g)], {name: [norm(part)] for name, part in g._asdict().items()}, []
    pull = jax.jit(lambda state, x, g: jax.vjp(lambda p, s: cell.step(p, s, x), params, state)[1](g))
    for t in reversed(range(T)):
        to_params, g = pull(at(states, t), xs[t], g)
        whole.append(norm(g))
        weight.append(norm(to_params.w_rec))
        for name, part in g._asdict().items():
            parts[name].append(norm(part))
    assert oracle.relative(whole, exact.whole) < 1e-12
    assert oracle.relative(weight, exact.weight) < 1e-12
    assert parts.keys() == exact.parts.keys()
    for name in parts:
        assert oracle.relative(parts[name], exact.parts[name]) < 1e-12


@pytest.mark.ends
@pytest.mark.parametrize("spec", SPECS)
def test_transport_equals_the_product_of_jacobians(spec, key):
    cell, params, states, xs, _ = network(spec, key)
    exact = oracle.transport(cell, params, states, xs)
    unravel = ravel_pytree(at(states, 0))[1]
    flat_step = lambda v, x: ravel_pytree(cell.step(params, unravel(v), x))[0]
    jacobian = jax.jit(jax.jacfwd(flat_step))
    product = np.eye(len(ravel_pytree(at(states, 0))[0]))
    frobenius, largest = [np.linalg.norm(product)], [1.0]
    for t in reversed(range(T)):
        product = product @ np.asarray(jacobian(ravel_pytree(at(states, t))[0], xs[t]))
        frobenius.append(np.linalg.norm(product))
        largest.append(np.linalg.norm(product, 2))
    assert oracle.relative(frobenius, exact.frobenius) < 1e-12
    assert oracle.relative(largest, exact.largest) < 1e-12


def test_a_linear_cell_has_its_closed_form_far_below_float64(key):
    cell = make("cells", "elman(activation=identity)")
    params, state = cell.init(key, 1, 1, 0.125, gaussian)
    params = params._replace(w_rec=jnp.full((1, 1), 0.125))
    steps = 1000
    xs = jnp.zeros((steps, 1))
    states = oracle.trajectory(cell.step, params, state, xs)
    exact = oracle.adjoint(cell, params, states, xs, state._replace(h=jnp.ones(1)))
    assert exact.whole == [mpf(2) ** (-3 * lag) for lag in range(steps + 1)]
    assert oracle.relative_log10([-3 * lag * np.log10(2) for lag in range(steps + 1)], exact.whole) < 1e-11

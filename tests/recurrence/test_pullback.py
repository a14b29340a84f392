"""The split pullback: the same derivative as reverse mode, less to keep, nothing hidden by a jit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence.pullback import prepared, pullback
from gradlab.types import Step
from tests.members import specs
from tests.probes.networks import network
from tests.tiers import few

N = 7
CELLS = specs("cells")
SOME = few(CELLS, registry.names("cells"))


def leaves_of(tree):
    return jax.tree.leaves(tree)


def split(net, weights=False):
    """The pullback, and what it keeps of one step."""
    one = pullback(net.cell.step, net.params, net.state, net.xs[0], weights=weights)
    after, kept = one.forward(net.state, net.xs[0])
    return one, after, kept


def direction(state):
    return jax.tree.map(
        lambda leaf: jnp.cos(jnp.arange(1.0, leaf.size + 1)).reshape(leaf.shape).astype(leaf.dtype), state
    )


@pytest.mark.ends
@pytest.mark.parametrize("spec", SOME)
def test_pullback_equals_vjp(spec):
    net = network(spec, 1, n=N)
    g = direction(net.state)
    plain, pull = jax.vjp(lambda p, s: net.cell.step(p, s, net.xs[0]), net.params, net.state)
    to_params, to_state = pull(g)
    for weights in (False, True):
        one, after, kept = split(net, weights)
        found_params, found_state = one.pull(kept, g)
        # The same operations, only reached another way: rounding may differ by a fused product or two.
        same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
        jax.tree.map(same, after, plain)
        jax.tree.map(same, found_state, to_state)
        if weights:
            jax.tree.map(same, found_params, to_params)
        else:
            assert found_params is None


@pytest.mark.ends
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("spec", SOME)
def test_what_is_kept_of_a_step_is_vectors_and_not_the_recurrent_matrix(spec, weights):
    net = network(spec, 1, n=N)
    _, _, kept = split(net, weights)
    # A gated cell may stack its K gate vectors (4 N < N N); a matrix has N N numbers or more.
    assert all(leaf.size < N * N for leaf in kept)
    assert split(net)[0].linear == (not split(net)[2])


def test_kept_numbers_follow_the_state_and_still_ones_do_not():
    """Pulled at another state than it was traced at, the pullback gives that state's derivative."""
    net = network("gru(reset=after)", 2, n=N)
    one = pullback(net.cell.step, net.params, net.state, net.xs[0])
    other = jax.tree.map(lambda leaf: -2 * leaf + 0.3, net.state)
    _, kept = one.forward(other, net.xs[1])
    g = direction(net.state)
    expected = jax.vjp(lambda s: net.cell.step(net.params, s, net.xs[1]), other)[1](g)[0]
    np.testing.assert_allclose(one.pull(kept, g)[1].h, expected.h, rtol=1e-13)


@pytest.mark.ends
@pytest.mark.parametrize("spec", SOME)
def test_only_a_jacobian_that_is_the_same_at_every_state_is_called_linear(spec):
    """Told from the Jacobians themselves, at two states and two inputs far enough apart to flip a relu."""
    net = network(spec, 2, n=N)
    # A cell may be linear at its start alone, with biases of zero.
    net = net._replace(params=jax.tree.map(jnp.add, net.params, direction(net.params)))
    far = jax.tree.map(lambda leaf: -3 * leaf, net.state)
    at = lambda state, x: jax.tree.leaves(jax.jacrev(lambda s: net.cell.step(net.params, s, x))(state))
    pairs = zip(at(net.state, net.xs[0]), at(far, -3 * net.xs[1]), strict=True)
    assert split(net)[0].linear == all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.slow
def test_the_linear_cells_are_the_ones_expected():
    found = {spec for spec in CELLS if split(network(spec, 1, n=N))[0].linear}
    assert found == {
        "lru",
        *(f"{cell}(activation=identity)" for cell in ("elman", "indrnn", "leaky", "orthogonal")),
    }


@jax.jit
def product(w, h):
    return w @ h


@jax.jit
def nested(w, h):
    return product(w, h) + 0 * h


LINEAR: dict[str, Step] = {
    "plain": lambda w, h, x: w @ h + x,
    "jit": lambda w, h, x: product(w, h) + x,
    "jit in jit": lambda w, h, x: nested(w, h) + x,
    "linear though it looks at x": lambda w, h, x: product(w, h) + jnp.tanh(x),
}
CURVED: dict[str, Step] = {
    "jit": lambda w, h, x: jnp.tanh(product(w, h) + x),
    "whole step in jit": jax.jit(lambda w, h, x: jnp.tanh(nested(w, h) + x)),
    "gated by the input": lambda w, h, x: jnp.tanh(x) * product(w, h),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_jit_inside_a_linear_step_hides_nothing(name):
    w, h = jnp.eye(N) + 0.1, jnp.ones(N)
    one = pullback(LINEAR[name], w, h, h)
    assert one.linear
    assert one.forward(h, h)[1] == []
    np.testing.assert_allclose(one.pull([], h)[1], w.T @ h, rtol=1e-14)


@pytest.mark.parametrize("name", CURVED)
def test_a_jit_inside_a_curved_step_keeps_the_matrix_apart(name):
    w, h, x = jnp.eye(N) + 0.1, jnp.ones(N), jnp.linspace(-1, 1, N)
    one = pullback(CURVED[name], w, h, x)
    _, kept = one.forward(h, x)
    assert not one.linear
    assert kept
    assert all(leaf.size < N * N for leaf in kept)
    expected = jax.vjp(lambda h: CURVED[name](w, h, x), h)[1](h)[0]
    np.testing.assert_allclose(one.pull(kept, h)[1], expected, rtol=1e-13)


def test_the_split_survives_jit_and_vmap_over_networks():
    nets = [network("lstm", 1, n=N, seed=s) for s in (0, 1)]
    params, state, xs = (
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *part) for part in list(zip(*nets, strict=True))[1:]
    )
    cell = registry.make("cells", "lstm")
    g = direction(nets[0].state)

    @jax.jit
    @jax.vmap
    def pulled(params, state, xs):
        one = pullback(cell.step, params, state, xs[0])
        return one.pull(one.forward(state, xs[0])[1], g)[1]

    together = pulled(params, state, xs)
    for i, net in enumerate(nets):
        expected = jax.vjp(lambda s, net=net: net.cell.step(net.params, s, net.xs[0]), net.state)[1](g)[0]
        for a, b in zip(leaves_of(together), leaves_of(expected), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("spec", ["lstm", "antisymmetric"])
def test_what_depends_on_the_params_alone_is_worked_out_outside_of_the_loop(spec):
    """An LSTM's weights are cut into gates, an antisymmetric cell's are made of another matrix."""
    net = network(spec, 1, n=N)

    def run(params, state, xs):
        step = prepared(net.cell.step, params, state, xs[0])
        return jax.lax.fori_loop(0, 5, lambda i, state: step(state, xs[i]), state)

    def plain(params, state, xs):
        return jax.lax.fori_loop(0, 5, lambda i, state: net.cell.step(params, state, xs[i]), state)

    def matrices_made(f):
        (loop,) = jax.make_jaxpr(f)(net.params, net.state, net.xs).eqns[-1:]
        body = loop.params["jaxpr"].jaxpr
        return sum(out.aval.size >= N * N for eqn in body.eqns for out in eqn.outvars)

    assert matrices_made(plain) > 0
    assert matrices_made(run) == 0
    same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    jax.tree.map(same, run(net.params, net.state, net.xs), plain(net.params, net.state, net.xs))

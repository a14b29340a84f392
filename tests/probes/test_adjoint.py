"""The adjoint and the weight gradient by lag, against exact arithmetic, plain autodiff and closed forms."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from mpmath import mp, mpf

from gradlab import registry
from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes.adjoint import adjoint
from gradlab.profiles import bound
from gradlab.recurrence import objectives
from gradlab.recurrence.backward import backpropagate
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.types import ProbeContext
from tests import oracle
from tests.probes.networks import measured, network, target
from tests.tiers import few

SPECS = [
    *(f"elman(activation={name})" for name in ("tanh", "relu", "sigmoid", "identity")),
    "gru",
    "gru(reset=after)",
    "lstm",
]
LONGEST = 1000
CASES = [(spec, 200) for spec in SPECS] + [(spec, LONGEST) for spec in ("elman", "gru", "lstm")]
# float64 is asked for 1e-9 at every lag: 16 (T + 8) eps is 4e-12 at T = 1000, and taking log10 of numbers
# of 10^-600 and back costs 600 ln(10) eps, 3e-13.
AUTODIFF = {("elman", name) for name in objectives.NAMES}
LIMIT = {"float64": lambda T: 1e-9, "float32": lambda T: bound("float32", T)}


@pytest.mark.parametrize(
    ("spec", "T", "precision"),
    few(
        [(*case, precision) for case in CASES for precision in ("float64", "float32")],
        (("gru", 200, "float64"),),
    ),
)
def test_equals_the_50_digit_backward_pass(spec, T, precision):
    """On the states that gradlab stored, all parts, at every lag."""
    net = network(spec, LONGEST, dtype=precision)
    goal = target(net)
    found = measured(net, "adjoint", goal=goal, length=T)
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:T])
    exact = oracle.adjoint(net.cell, net.params, states, net.xs[:T], goal)
    limit = LIMIT[precision](T)
    assert oracle.relative_log10(found["adjoint"][:, 0], exact.whole) < limit
    assert oracle.relative_log10(found["weight_gradient"], exact.weight) < limit
    if len(exact.parts) > 1:
        assert found["adjoint"].shape[1] == 1 + len(exact.parts)
        for i, part in enumerate(net.state._fields):
            assert oracle.relative_log10(found["adjoint"][:, 1 + i], exact.parts[part]) < limit
    else:
        assert found["adjoint"].shape[1] == 1


T_PLAIN = 10


def through_perturbations(net, name, goal):
    """dL/dstate_t for t = 0..T and dL/dW_rec of each step, by plain reverse mode through the whole unroll."""
    T = len(net.xs)

    def distance(state):
        miss = jax.tree.map(lambda h, y: jnp.sum((h - y) ** 2) / 2, net.cell.readout(state), goal)
        return jnp.stack(jax.tree.leaves(miss)).sum()

    def loss(pushes, weights):
        add = lambda state, push: jax.tree.map(jnp.add, state, push)

        def step(state, given):
            x, push, params = given
            state = add(net.cell.step(params, state, x), push)
            return state, distance(state) if name == "every" else jnp.zeros(())

        at = lambda slice: jax.tree.map(lambda leaf: leaf[slice], pushes)
        first = add(net.state, at(0))
        last, terms = jax.lax.scan(step, first, (net.xs, at(slice(1, None)), weights))
        if name == "unit":
            return ravel_pytree(goal)[0] @ ravel_pytree(last)[0]
        return terms.sum() if name == "every" else distance(last)

    pushes = jax.tree.map(lambda leaf: jnp.zeros((T + 1, *leaf.shape)), net.state)
    weights = jax.tree.map(lambda leaf: jnp.stack([leaf] * T), net.params)
    pulled, of_params = jax.jit(jax.grad(loss, argnums=(0, 1)))(pushes, weights)
    return jax.tree.map(np.asarray, (pulled, jax.vmap(net.cell.recurrent)(of_params)))


@pytest.mark.ends
@pytest.mark.parametrize(
    ("spec", "name"),
    few(
        itertools.product(registry.names("cells"), objectives.NAMES),
        lambda pair: pair in AUTODIFF,
    ),
)
def test_equals_plain_autodiff(spec, name):
    """Every cell and every objective in float64, where plain reverse mode is finite.

    Ten steps of at most a few hundred roundings: 1e-10 leaves four decades.
    """
    net = network(spec, T_PLAIN)
    goal = target(net, name)
    found = measured(net, "adjoint", objective=name, goal=goal)
    states, weights = through_perturbations(net, name, goal)
    size = lambda tree: np.sqrt(
        sum((leaf**2).reshape(len(leaf), -1).sum(1) for leaf in jax.tree.leaves(tree))
    )
    np.testing.assert_allclose(10 ** found["adjoint"][::-1, 0], size(states), rtol=1e-10)
    np.testing.assert_allclose(10 ** found["weight_gradient"][::-1], size(weights), rtol=1e-10)
    parts = jax.tree.leaves(states)
    for i, part in enumerate(parts if len(parts) > 1 else ()):
        np.testing.assert_allclose(10 ** found["adjoint"][::-1, 1 + i], size(part), rtol=1e-10)


@pytest.mark.parametrize("spec", ["elman", "lstm"])
def test_the_steps_add_up_to_the_gradient_of_the_weights(spec):
    """The vectors, not only their norms."""
    net = network(spec, T_PLAIN)
    goal = target(net, "every")
    setup = ProbeContext(objective("every", goal, net.cell.readout), None, T_PLAIN)
    keep = lambda g, exponent: jnp.ldexp(g().w_rec, exponent)
    run = lambda net: backpropagate(net.cell.step, net.params, net.state, net.xs, setup, weights=keep)[1]
    by_lag = jax.jit(lambda rest: run(net._replace(xs=rest)))(net.xs)
    _, weights = through_perturbations(net, "every", goal)
    np.testing.assert_allclose(by_lag[::-1], weights, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_lag.sum(0), weights.sum(0), rtol=1e-10, atol=1e-12)


def test_without_recurrent_weights_there_is_no_weight_gradient():
    net = network("elman", 5)
    setup = ProbeContext(objective("unit", target(net), net.cell.readout), None, 5)
    found = jax.jit(lambda xs: adjoint(net.cell.step, net.params, net.state, xs, setup))(net.xs)
    assert found.weight_gradient is None
    with_weights = measured(net, "adjoint")
    np.testing.assert_allclose(log10_norm(found.adjoint), with_weights["adjoint"], rtol=0, atol=1e-13)


FAR = 100_000


@functools.cache
def scalar_program():
    net = scalar(0.5, FAR)
    goal = net.state._replace(h=jnp.ones(1))
    setup = ProbeContext(objective("unit", goal, net.cell.readout), None, FAR)
    return jax.jit(lambda params: adjoint(net.cell.step, params, net.state, net.xs, setup).adjoint)


def scalar(w, T):
    """h' = w h, with zero inputs, a zero state and no bias."""
    net = network("elman(activation=identity)", 1, n=1, d=1, bias=0)
    params = net.params._replace(w_rec=jnp.full((1, 1), w))
    return net._replace(params=params, state=net.state._replace(h=jnp.zeros(1)), xs=jnp.zeros((T, 1)))


@pytest.mark.parametrize(("w", "decades"), [(0.5, -30103), (2.0, 30103), (-0.5, -30103)])
def test_a_scalar_power_of_two_is_exact_at_thirty_thousand_decades(w, decades):
    """|w|^lag is a power of two, so every mantissa is exactly 1/2 and every exponent an exact integer."""
    found = scalar_program()(scalar(w, 1).params)
    np.testing.assert_array_equal(found.square[:, 0], 0.25)
    np.testing.assert_array_equal(found.exponent[:, 0], np.arange(FAR + 1) * int(math.log2(abs(w))) + 1)
    assert round(float(log10_norm(found)[-1, 0])) == decades


def test_a_scalar_that_rounds_stays_within_its_bound_at_ten_thousand_decades():
    found = scalar_program()(scalar(0.7, 1).params)
    # Each of `lag` products rounds by at most eps/2; the root and the square add a few of their own.
    eps = float(np.finfo(np.float64).eps)
    with mp.workdps(50):
        for lag in (1, 10, 1000, 30_000, FAR):
            norm = mp.sqrt(mpf(float(found.square[lag, 0]))) * mpf(2) ** int(found.exponent[lag, 0])
            error = abs(norm / mpf(0.7) ** lag - 1)
            assert error < (lag + 4) * eps / 2
    assert float(log10_norm(found)[-1, 0]) == pytest.approx(FAR * math.log10(0.7), rel=1e-12)


def test_half_to_the_2000_is_a_number_in_float32_where_plain_autodiff_reads_zero():
    spec = "elman(activation=identity)"
    net = network(spec, 2000, d=1, w_rec=0.5, dtype="float32", bias=0, initializer=orthogonal)
    goal = target(net)
    found = measured(net, "adjoint", "transport", goal=goal)
    truth = np.arange(2001) * math.log10(0.5)
    for column in ("adjoint", "transport"):
        assert found[column][2000, 0] == pytest.approx(-602.06, abs=0.005)
        # Rounding the matrix to float32 moves its singular values by eps, 2000 steps by 1e-4 decades.
        np.testing.assert_allclose(found[column][:, 0], truth, rtol=0, atol=1e-3)

    def loss(state):
        last, _ = jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, net.xs)
        return goal.h @ last.h

    plain = jax.jit(jax.grad(loss))(net.state).h
    np.testing.assert_array_equal(plain, np.zeros(3, np.float32))


@pytest.mark.slow
def test_a_loss_at_every_step_hides_a_transport_that_vanishes():
    """The pair that a tool must not call by one name: the adjoint is flat, the transport is gone."""
    net = network("elman", 100, n=16, w_rec=0.9, dtype="float32", bias=0)
    found = measured(net, "adjoint", "transport", objective="every")
    # Every step but the initial state gets a term of its own, of the same size; lag 100 has none.
    of_steps = found["adjoint"][:100, 0]
    assert np.ptp(of_steps) < 1
    assert found["transport"][100, 0] < -10
    assert found["transport_frobenius"][100, 0] < -10


def test_a_recurrent_weight_of_zero_is_exactly_zero_from_lag_one():
    found = measured(network("elman", LONGEST, w_rec=0.0), "adjoint", length=20)
    assert found["adjoint"][0, 0] == pytest.approx(0, abs=1e-12)
    np.testing.assert_array_equal(found["adjoint"][1:, 0], -np.inf)
    assert np.isfinite(found["weight_gradient"][0])
    np.testing.assert_array_equal(found["weight_gradient"][1:], -np.inf)


def of_bias(net, *values):
    b = jnp.broadcast_to(jnp.asarray(values, net.params.b.dtype), net.params.b.shape)
    return net._replace(params=net.params._replace(b=b))


def test_a_relu_below_zero_passes_exactly_nothing():
    dead = of_bias(network("elman(activation=relu)", LONGEST, dtype="float32"), -1000.0)
    found = measured(dead, "adjoint", length=50)
    assert np.isfinite(found["adjoint"][0, 0])
    np.testing.assert_array_equal(found["adjoint"][1:, 0], -np.inf)
    np.testing.assert_array_equal(found["weight_gradient"], -np.inf)


def test_a_saturated_tanh_passes_little_and_not_nothing_in_float32():
    """tanh' at 30 is 4 exp(-60), 3.5e-26 per step; 1 - tanh^2 would be an exact 0."""
    T = 50
    net = of_bias(network("elman", LONGEST, dtype="float32", w_rec=0.5), 30.0)
    goal = target(net)
    found = measured(net, "adjoint", length=T, goal=goal)["adjoint"][:, 0]
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:T])
    exact = oracle.adjoint(net.cell, net.params, states, net.xs[:T], goal)
    with mp.workdps(50):
        truth = np.array([float(mp.log10(norm)) for norm in exact.whole])
    assert truth[T] < -1000
    # exp(-2 a) takes on 2 a times the relative rounding of a, which is a few eps: 4 x 60 eps a step.
    limit = (bound("float32", T) + 4 * 60 * T * np.finfo(np.float32).eps) / math.log(10)
    np.testing.assert_allclose(found, truth, rtol=0, atol=limit)


def test_a_dead_unit_drops_out_and_leaves_the_others_as_they_are():
    T = 20
    net = of_bias(network("elman(activation=relu)", LONGEST), 5.0, -1000.0, 5.0)
    goal = target(net)
    found = measured(net, "adjoint", length=T, goal=goal)
    keep = np.array([0, 2])
    w_rec, delta = np.asarray(net.params.w_rec), np.asarray(goal.h)
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:T])
    np.testing.assert_array_equal(states.h[1:, 1], 0)
    for lag in range(T):
        alive = np.asarray(states.h[T - lag] > 0)
        assert not alive[1]
        delta = w_rec[keep].T @ (delta * alive)[keep]
        assert 10 ** found["adjoint"][lag + 1, 0] == pytest.approx(np.linalg.norm(delta), rel=1e-11)

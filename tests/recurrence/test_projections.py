"""Gradients of all parameters as norms and projections: against autodiff, far below float32, and as marks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.probes.adjoint import adjoint
from gradlab.recurrence import projections
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm, rescale
from gradlab.types import ProbeContext
from tests.probes.networks import network, target
from tests.tiers import few

T = 9


def gradient(net, goal, name):
    setup = ProbeContext(objective(name, goal, net.cell.readout), net.cell.recurrent, T)
    run = lambda params: adjoint(net.cell.step, params, net.state, net.xs, setup).gradient
    return jax.jit(run)(net.params)


@pytest.mark.parametrize("name", few(["unit", "every"], ("every",)))
@pytest.mark.parametrize(
    "spec",
    few(["elman", "lstm", "peephole_lstm", "min_gru", "stacked(cell=gru, layers=2)"], ("elman",)),
)
def test_every_parameter_has_the_gradient_of_autodiff(spec, name):
    net = network(spec, T)
    goal = target(net, name)
    cotangent = objective(name, goal, net.cell.readout)

    def loss(params):
        state, total = net.state, 0.0
        for t in range(T):
            state = net.cell.step(params, state, net.xs[t])
            if cotangent.every or t == T - 1:
                fixed = jax.lax.stop_gradient(cotangent.cotangent(state))
                total += sum(jax.tree.leaves(jax.tree.map(jnp.vdot, fixed, state)))
        return total

    found = gradient(net, goal, name)
    exact = projections.leaves(jax.grad(loss)(net.params))
    marks = [projections.of_array(leaf, np.asarray(array)) for leaf, array in exact.items()]
    norms, alongs = np.array(marks).T
    np.testing.assert_allclose(log10_norm(found.norm), np.log10(norms), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.projection, alongs, rtol=0, atol=1e-10)


def test_nothing_underflows_on_the_way():
    """h_t = w h_{t-1} + v x_t with x at step 1 alone: dL/dv = w^(T-1), far below float32."""
    step = lambda p, h, x: p["w"] * h + p["v"] * x
    params = {"w": jnp.float32(1e-3), "v": jnp.float32(1.0)}
    xs = jnp.zeros(100, jnp.float32).at[0].set(1.0)
    setup = ProbeContext(objective("unit", jnp.float32(1.0), lambda h: h), lambda p: p["w"], 100)
    found = adjoint(step, params, jnp.float32(0.0), xs, setup).gradient
    # By the alphabet: v, then w, of which 13 steps have a state that is not 0 in float32.
    np.testing.assert_allclose(log10_norm(found.norm), [-297, np.log10(13) - 294], rtol=0, atol=1e-4)
    np.testing.assert_allclose(np.abs(found.projection), [1, 1], rtol=1e-6)


def test_a_mark_tells_a_factor_from_anything_else():
    w = np.random.default_rng(0).normal(size=(16, 16))
    norm, along = projections.of_array("w", w)
    assert projections.of_array("w", 1.01 * w) == pytest.approx((1.01 * norm, along))
    for other in (w.T, -w, np.roll(w, 1, 0), w * (np.arange(16) < 15)):
        assert abs(projections.of_array("w", other)[1] - along) > 1e-3
    assert projections.of_array("v", w)[1] != along, "each leaf has a direction of its own"
    assert projections.of_array("w", np.zeros(3)) == (0.0, 0.0)


def test_the_direction_is_the_same_everywhere():
    """Host and device make the same signs; a known sum of them, so that they never change unseen."""
    ones = np.ones(1000)
    _, along = projections.of_array("w_rec", ones)
    assert round(along * np.sqrt(1000)) == 12
    w = np.random.default_rng(1).normal(size=(7, 5))
    scaled = projections.of_gradient(["w"], [rescale(jnp.asarray(w))])
    assert float(scaled.projection[0]) == pytest.approx(projections.of_array("w", w)[1], abs=1e-12)

"""Gradients through a network that reads, beside autodiff and closed forms; a unit held at its mean."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.studies.neurons import ablation, memory, networks, reading
from tests.studies.neurons import hand_set

CODES = np.random.default_rng(2).integers(0, 4, 31).astype(np.int32)


WRAPPED = (
    "stacked(cell=gru, layers=2)",
    "stacked(cell=lstm)",
    "residual(cell=elman)",
    "layer_norm(cell=gru)",
)


@pytest.mark.parametrize("spec", [*registry.names("cells"), *WRAPPED])
def test_the_memory_is_called_as_the_unit_that_it_is(spec):
    setting = hand_set.setting(4, 3, spec)
    state = jax.eval_shape(lambda: hand_set.drawn(setting)[1])
    name = networks.leaf_name(setting.cell.memory)
    assert name in [leaf for leaf, _ in networks.leaves(state)]
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name)


def test_the_influence_is_the_derivative_of_the_best_logit():
    setting = hand_set.setting(4, 3)
    weights, state = hand_set.drawn(setting)
    many = jax.tree.map(lambda leaf: leaf[None], state)
    found = memory.influence(setting, weights, many, CODES[None])[0]

    def logits(xs):
        last = jax.lax.scan(lambda s, x: (setting.cell.step(weights.cell, s, x), None), state, xs)[0]
        return weights.w_out @ last.h + weights.b_out

    xs = jax.nn.one_hot(CODES, 4, dtype=jnp.float32)
    best = int(jnp.argmax(logits(xs)))
    slopes = jax.grad(lambda xs: logits(xs)[best])(xs)
    np.testing.assert_allclose(found, np.log10(np.linalg.norm(slopes, axis=1))[::-1], rtol=1e-4, atol=1e-4)


def test_the_influence_of_a_linear_unit_falls_by_its_weight_far_beyond_underflow():
    setting = hand_set.setting(4, 1, "elman(activation=identity)")
    weights, state = hand_set.drawn(setting)
    cell = weights.cell._replace(w_rec=jnp.full((1, 1), 1e-3, jnp.float32))
    codes = np.zeros((1, 41), np.int32)
    many = jax.tree.map(lambda leaf: leaf[None], state)
    log = memory.influence(setting, weights._replace(cell=cell), many, codes)
    np.testing.assert_allclose(np.diff(log[0]), -3, atol=1e-5)
    assert memory.reach(log) == pytest.approx(1, abs=1e-4)


def test_the_transport_is_the_diagonal_of_the_jacobian():
    setting = hand_set.setting(4, 3)
    weights, state = hand_set.drawn(setting)
    many = jax.tree.map(lambda leaf: leaf[None], state)
    found = memory.transport(setting, weights, many, CODES[None])
    xs = jax.nn.one_hot(CODES, 4, dtype=jnp.float32)

    def memories(c):
        def step(s, x):
            s = setting.cell.step(weights.cell, s, x)
            return s, s.c

        return jax.lax.scan(step, state._replace(c=c), xs)[1]

    jacobians = np.abs(np.asarray(jax.jit(jax.jacfwd(memories))(state.c)))
    for k in range(3):
        low = np.flatnonzero(jacobians[:, k, k] <= 0.5)
        assert found[k] == low[0] + 1


def test_half_lives_and_saturation_of_known_gates():
    gate = np.full((400, 3), 0.5 ** (1 / 7), np.float32)
    gate[:, 1] = 1.0
    # One character in a hundred erases the memory, which says little of the others.
    gate[:, 2] = 0.5 ** (1 / 20)
    gate[99::100, 2] = 0.0
    found = memory.half_lives(gate)
    assert found[0] == 7
    assert np.isinf(found[1])
    assert found[2] == 20
    left, right = memory.saturated(gate)
    np.testing.assert_allclose(left, (0, 0, 0.01))
    np.testing.assert_allclose(right, ((gate > 0.9).mean(axis=0)))


def test_a_unit_that_is_held_changes_what_a_loop_without_it_says():
    setting = hand_set.setting(4, 3)
    weights, state = hand_set.drawn(setting)
    means = {"h": np.array([0.1, -0.2, 0.3], np.float32), "c": np.array([0.2, 0.1, -0.1], np.float32)}
    found = ablation.losses(setting, weights, state, CODES, means)
    assert found.shape == (3, 30)

    def bits(held):
        s, said = state, []
        for code, following in itertools.pairwise(CODES):
            s = setting.cell.step(weights.cell, s, jax.nn.one_hot(code, 4, dtype=jnp.float32))
            if held is not None:
                s = s._replace(h=s.h.at[held].set(means["h"][held]), c=s.c.at[held].set(means["c"][held]))
            log = jax.nn.log_softmax(weights.w_out @ s.h + weights.b_out)
            said.append(-float(log[following]) / np.log(2))
        return np.array(said)

    for k in range(3):
        np.testing.assert_allclose(found[k], bits(k) - bits(None), atol=1e-5)


def test_a_change_is_told_inside_and_outside():
    inside = np.zeros(4000, bool)
    inside[::2] = True
    rng = np.random.default_rng(0)
    loss = (np.where(inside, 0.5, -0.1) + 0.1 * rng.standard_normal(4000)).astype(np.float32)
    held = ablation.held(loss, inside)
    assert held.inside.low < 0.5 < held.inside.high
    assert held.inside.high - held.inside.low < 0.02
    assert held.outside == pytest.approx(-0.1, abs=0.01)
    assert np.isnan(ablation.held(loss, np.zeros(4000, bool)).inside.middle)


def test_what_is_read_is_what_the_cell_does():
    setting = hand_set.setting(4, 3)
    weights, state = hand_set.drawn(setting)
    found = reading.read(setting, weights, state, CODES)
    s = state
    for t, code in enumerate(CODES):
        x = jax.nn.one_hot(code, 4, dtype=jnp.float32)
        gates = setting.cell.gate_values(weights.cell, s, x)
        s = setting.cell.step(weights.cell, s, x)
        np.testing.assert_allclose(found.units["c"][t], s.c, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.units["gate_f"][t], gates["f"], rtol=1e-4)
        log = np.asarray(jax.nn.log_softmax(weights.w_out @ s.h + weights.b_out))
        assert found.top[t].tolist() == np.argsort(-log, kind="stable")[:4].tolist()
        if t + 1 < len(CODES):
            assert found.place[t] == 1 + (log > log[CODES[t + 1]]).sum()
            assert found.bits[t] == pytest.approx(-log[CODES[t + 1]] / np.log(2), rel=1e-4)
    assert found.place[-1] == 0
    anchors = reading.starts(setting, weights, state, CODES, 8)
    np.testing.assert_allclose(anchors.c[1:], found.units["c"][[7, 15, 23]], rtol=1e-4, atol=1e-6)
    assert len(anchors.c) == 4

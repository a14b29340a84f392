import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells.elman import Elman
from gradlab.probes.lyapunov import lyapunov
from gradlab.recurrence.objectives import objective
from gradlab.remedies.flossing import flossing
from gradlab.testing import orthogonal
from gradlab.types import ProbeContext, Trajectory
from tests.remedies.training import (
    Follow,
    along,
    changes_nothing,
    direction,
    gradient,
    parts,
    setting,
    slope,
    trails,
    untrained,
)


def exponents(params, before, xs, count):
    """By Householder's QR of dense Jacobians, from the frame that the remedy starts with."""
    size = before[0].size
    frame = np.linalg.qr(np.random.default_rng(0).standard_normal((size, count)))[0]
    logs = np.zeros(count)
    for h, x in zip(before, xs, strict=True):
        slopes = 1 - np.tanh(params.w_rec @ h + params.w_in @ x + params.b) ** 2
        frame, triangle = np.linalg.qr(slopes[:, None] * params.w_rec @ frame)
        logs += np.log(np.abs(np.diagonal(triangle)))
    return logs / len(before)


@pytest.fixture(scope="module")
def case():
    of = setting(flossing(weight=0.4, count=2), task=Follow(length=4), T=5)
    one = untrained(of)
    return of, one, parts(of, one)


def test_value_is_that_of_householders_qr(case):
    of, one, loss = case
    found = []
    params = jax.tree.map(np.asarray, one.weights.cell)
    for xs, before, _ in trails(of, one):
        states = [state.h for state in before[:4]]
        found.append((exponents(params, states, xs[:4], 2) ** 2).sum())
    total, plain = loss(one.weights)
    assert float(total - plain) == pytest.approx(0.4 * np.mean(found), rel=1e-10)


def test_gradient_by_differences(case):
    of, one, loss = case
    way = direction(one.weights)
    found = along(gradient(of, one)[0], way)
    assert found == pytest.approx(slope(lambda w: loss(w)[0], one.weights, way, 1e-4), rel=1e-7)


@pytest.mark.parametrize(("n", "T", "near"), [(1, 12, 1e-12), (3, 3000, 5e-3)])
def test_exponents_are_those_of_the_lyapunov_probe(n, T, near, key):
    """Exactly with one unit; otherwise the two turn from frames of their own into the same one."""
    cell = Elman()
    key_init, key_x = jax.random.split(key)
    params, state = cell.init(key_init, 2, n, 1.2, orthogonal)
    xs = jax.random.normal(key_x, (T, 2))
    setup = ProbeContext(objective("unit", state, cell.readout), None, T)

    @jax.jit
    def both(params):
        _, before = jax.lax.scan(lambda s, x: (cell.step(params, s, x), s), state, xs)
        trail = Trajectory(cell, params, before, xs, None, jnp.int32(T))
        probe = lyapunov(cell.step, params, state, xs, setup)
        return flossing(weight=1.0, count=2).penalty(trail), probe.lyapunov_history[-1]

    found, exponents = both(params)
    assert float(found) == pytest.approx(float((exponents[:2] ** 2).sum()), rel=near)


@pytest.mark.parametrize("w", [1e-20, -1e30])
def test_no_step_is_too_small_or_too_large_for_it(w):
    """A linear unit's exponent is ln |w|, where the square of w leaves float32."""
    cell = Elman(activation="identity")
    made = cell.init(jax.random.key(0), 1, 1, w, lambda key, n: jnp.ones((n, n)))
    params, state = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), made)
    before = jax.tree.map(lambda leaf: jnp.zeros((4, *leaf.shape), leaf.dtype), state)
    trail = Trajectory(cell, params, before, jnp.zeros((4, 1), jnp.float32), None, jnp.int32(4))
    found = flossing(weight=1.0, count=1).penalty(trail)
    assert float(found) == pytest.approx(np.log(abs(w)) ** 2, rel=1e-5)


def test_weight_0_is_neutral():
    changes_nothing("flossing(0.0)")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weight": -1.0}, "weight=-1.0 must be 0 or positive, and finite"),
        ({"count": 0}, "count=0 must be at least 1"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        flossing(**settings)

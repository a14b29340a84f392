import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.narma10 import Narma10, _step
from gradlab.testing.sequences import draw


def test_equals_the_published_recurrence_written_as_a_loop():
    examples = draw(Narma10(), 60, 256)
    u = np.pad(examples.xs[..., 0], ((0, 0), (10, 0)))
    y = np.zeros_like(u)
    for t in range(10, 70):
        past = y[:, t - 10 : t]
        y[:, t] = (
            0.3 * y[:, t - 1] + 0.05 * y[:, t - 1] * past.sum(axis=1) + 1.5 * u[:, t] * u[:, t - 9] + 0.1
        )
    np.testing.assert_allclose(examples.target[:, 9:, 0], y[:, 19:], rtol=1e-12)
    assert examples.xs.min() >= 0
    assert examples.xs.max() < 0.5


def test_chance_is_the_long_run_variance():
    """0.0118 over 12 million steps of an independent simulation, once the start from rest is over."""
    assert Narma10().chance(300) == pytest.approx(0.0118, rel=0.03)


def test_chance_may_be_asked_for_while_traced_in_float32():
    task = Narma10()
    with jax.enable_x64(False):
        level = jax.jit(lambda x: x * task.chance(41))(jnp.float32(1))
    assert level == pytest.approx(task.chance(41), rel=1e-6)


def test_no_value_passes_one():
    """From the highest past that there can be, the largest inputs are held back and the lowest left alone."""
    past = jnp.full(10, 0.5), jnp.ones(10)
    for drawn in (0.0, 0.3, 1.0):
        _, (u, y) = _step(past, jnp.float64(drawn))
        assert y <= 1 + 1e-15
        assert u == pytest.approx(drawn * 0.1 / 0.75, abs=1e-15)
        assert y == pytest.approx(0.9 + 0.75 * float(u), rel=1e-15)
    calm = jnp.full(10, 0.5), jnp.full(10, 0.3)
    assert _step(calm, jnp.float64(1.0))[1][0] == 0.5

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.echo import Echo
from gradlab.testing.sequences import draw


@pytest.mark.parametrize("delay", [0, 3])
def test_what_comes_out_went_in_before(delay):
    examples = draw(Echo(delay=delay), 9, 200)
    np.testing.assert_array_equal(examples.target[:, delay:], examples.xs[:, : 9 - delay])
    np.testing.assert_array_equal(examples.counted, np.tile(np.arange(9) >= delay, (200, 1)))


def test_silence_loses_a_third():
    """The integral of x^2 / 2 over [-1, 1] is 1/3."""
    task, examples = Echo(delay=3), draw(Echo(delay=3), 9, 200)
    squares = examples.target[:, 3:] ** 2
    assert squares.mean() == pytest.approx(task.chance(9), abs=5 * squares.std() / np.sqrt(squares.size))


@pytest.mark.parametrize("shortest", [0, 5])
def test_silence_errs_by_one(shortest):
    """Pooled: a mean of the roots of single sequences would be 0.98, since a root is concave."""
    task = Echo(delay=3, shortest=shortest)
    examples = draw(task, 9, 2000)
    errors = jax.vmap(task.error)(jnp.zeros((2000, 9, 1)), examples)
    known = examples.target[..., 0][examples.counted > 0]
    assert task.overall(errors) == pytest.approx(np.sqrt((known**2).mean() / known.var()), rel=1e-12)
    assert task.overall(errors) == pytest.approx(1, abs=1e-3)


def test_any_answer_is_judged_by_all_sequences_together(key):
    """Against NumPy's variance over everything, with a target that has a mean and outputs that are off."""
    examples = draw(Echo(delay=3, shortest=5), 9, 50)
    target = examples.target + np.linspace(1, 2, 50)[:, None, None]
    outputs = target + jax.random.normal(key, target.shape)
    errors = jax.vmap(Echo().error)(outputs, examples._replace(target=target))
    known = examples.counted > 0
    misses = np.asarray(outputs - target)[known]
    assert Echo().overall(errors) == pytest.approx(misses.std() / target[known].std(), rel=0.1)
    expected = np.sqrt((misses**2).mean() / target[known].var())
    assert Echo().overall(errors) == pytest.approx(expected, rel=1e-12)


def test_delay_is_not_negative():
    with pytest.raises(ValueError, match=r"delay=-1 must not be negative"):
        Echo(delay=-1)

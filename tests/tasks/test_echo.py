import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.echo import Echo
from tests.tasks.contract import draw


@pytest.mark.parametrize("delay", [0, 3])
def test_what_comes_out_went_in_before(delay):
    examples = draw(Echo(delay=delay), 9, 200)
    np.testing.assert_array_equal(examples.target[:, delay:], examples.xs[:, : 9 - delay])
    np.testing.assert_array_equal(examples.counted, np.tile(np.arange(9) >= delay, (200, 1)))


def test_silence_loses_a_third_and_errs_by_about_one():
    """The integral of x^2 / 2 over [-1, 1] is 1/3."""
    task, examples = Echo(delay=3), draw(Echo(delay=3), 9, 200)
    squares = examples.target[:, 3:] ** 2
    assert squares.mean() == pytest.approx(task.chance(9), abs=5 * squares.std() / np.sqrt(squares.size))
    one = type(examples)(*(jnp.asarray(leaf[0]) for leaf in examples))
    assert task.error(jnp.zeros((9, 1)), one) ** 2 == pytest.approx(3 * squares[0].mean(), rel=1e-14)


def test_delay_is_not_negative():
    with pytest.raises(ValueError, match=r"delay=-1 must not be negative"):
        Echo(delay=-1)

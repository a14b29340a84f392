import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.parity import Parity
from gradlab.testing.sequences import COUNT, drawn, one, varied


def test_the_class_is_the_exclusive_or_of_all_bits():
    examples = drawn(varied(Parity()))
    bits = examples.xs[..., 0].astype(int)
    answer = examples.target[np.arange(COUNT), examples.length - 1]
    np.testing.assert_array_equal(answer, np.bitwise_xor.reduce(bits, axis=1))


def test_one_bit_tells_nothing():
    """Half of the answers are odd, whatever any one bit is."""
    examples = drawn(varied(Parity()))
    long = examples.length > 1
    bits, answer = examples.xs[long, 0, 0], examples.target.sum(axis=1)[long]
    for value in (0, 1):
        chosen = answer[bits == value]
        assert abs(chosen.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(chosen))


def test_equal_odds_lose_exactly_the_chance_level():
    example = one(Parity(), 3)
    assert Parity().loss(jnp.zeros((3, 2)), example) == pytest.approx(Parity().chance(3), rel=1e-15)

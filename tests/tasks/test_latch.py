import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.latch import Latch
from gradlab.testing.sequences import draw, one


def test_the_class_comes_first_and_noise_follows():
    task = Latch(noise=0.5, informative=4)
    examples = draw(task, 24, 500)
    xs, answer = examples.xs[..., 0], examples.target[:, -1]
    np.testing.assert_array_equal(xs[:, :4], np.repeat(2.0 * answer[:, None] - 1, 4, axis=1))
    noise = xs[:, 4:]
    assert abs(noise.mean()) < 5 * 0.5 / math.sqrt(noise.size)
    assert noise.std() == pytest.approx(0.5, rel=5 / math.sqrt(2 * noise.size))
    assert abs(np.corrcoef(noise.mean(axis=1), answer)[0, 1]) < 5 / math.sqrt(500)
    assert abs(answer.mean() - 0.5) < 5 * 0.5 / math.sqrt(500)


def test_equal_odds_lose_exactly_the_chance_level():
    example = one(Latch(), 5)
    assert Latch().loss(jnp.zeros((5, 2)), example) == pytest.approx(Latch().chance(5), rel=1e-15)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"noise": -0.1}, r"noise=-0.1 must be finite and not negative"),
        ({"noise": float("inf")}, r"noise=inf must be finite and not negative"),
        ({"informative": 0}, r"informative=0 must be at least 1"),
        ({"informative": 5, "shortest": 4}, r"shortest=4 must be 0 .* or >= 5"),
    ],
)
def test_settings_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        Latch(**settings)

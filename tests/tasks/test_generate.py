import numpy as np
import pytest

from gradlab.tasks.generate import Generate
from gradlab.testing.sequences import draw


def test_a_linear_recurrence_of_rotations_plays_every_waveform():
    """h_0 = (a, b);  each (a_k, b_k) turns by 2 pi k / period a step;  y_t is the sum of the first parts."""
    task = Generate(waves=3, period=11.0)
    examples = draw(task, 26, 50)
    a, b = np.split(examples.xs[:, 0], 2, axis=1)
    turn = 2 * np.pi * np.arange(1, 4) / 11
    for t in range(26):
        a, b = np.cos(turn) * a + np.sin(turn) * b, np.cos(turn) * b - np.sin(turn) * a
        np.testing.assert_allclose(examples.target[:, t, 0], a.sum(axis=1) / np.sqrt(3), atol=1e-13)


def test_variance_is_one_at_every_step():
    target = draw(Generate(waves=3, period=11.0), 26, 2048).target[..., 0]
    assert Generate(waves=3, period=11.0).chance(26) == 1
    np.testing.assert_allclose((target**2).mean(axis=0), 1, atol=5 * np.sqrt(2 / 2048))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"waves": 0}, "waves=0 must be at least 1"),
        ({"waves": 4, "period": 8.0}, "period=8.0 must be finite and above 8, twice waves"),
        ({"period": float("inf")}, "period=inf must be finite"),
    ],
)
def test_settings_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        Generate(**settings)

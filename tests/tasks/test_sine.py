import numpy as np
import pytest

from gradlab.tasks.sine import Sine
from gradlab.testing.sequences import draw


@pytest.mark.parametrize("ahead", [1, 4])
def test_every_wave_obeys_the_recurrence_of_a_sine(ahead):
    """x_{t+1} = 2 cos(w) x_t - x_{t-1}, the same w at every step, with a period inside the range."""
    task = Sine(ahead=ahead, fastest=5.0, slowest=25.0)
    examples = draw(task, 30, 200)
    x, y = examples.xs[..., 0], examples.target[..., 0]
    twice = ((x[:, 2:] + x[:, :-2]) * x[:, 1:-1]).sum(axis=1) / (x[:, 1:-1] ** 2).sum(axis=1)
    np.testing.assert_allclose(x[:, 2:] + x[:, :-2], twice[:, None] * x[:, 1:-1], atol=1e-12)
    periods = 2 * np.pi / np.arccos(twice / 2)
    assert periods.min() >= 5
    assert periods.max() <= 25
    np.testing.assert_allclose(y[:, 2:-ahead], x[:, 2 + ahead :], atol=1e-14)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ahead": 0}, "ahead=0 must be at least 1"),
        ({"fastest": 2.0}, "fastest=2.0 must be above 2"),
        ({"fastest": float("nan")}, "fastest=nan must be above 2"),
        ({"slowest": 7.0}, "slowest=7.0 must be finite and at least fastest=8.0"),
        ({"slowest": float("inf")}, "slowest=inf must be finite"),
    ],
)
def test_settings_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        Sine(**settings)

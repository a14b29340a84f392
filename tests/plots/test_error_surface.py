"""The cliff: its place and its height, and the descents that meet it."""

import numpy as np
import pytest

from gradlab.plots.error_surface import descend, error_surface, surface, wall


def test_derivatives_are_those_of_the_error():
    w, b, h = np.array([4.3, 4.6, 3.0]), np.array([-2.1, -2.2, -1.0]), 1e-6
    found = surface(w, b)
    by_w = (surface(w + h, b).error - surface(w - h, b).error) / (2 * h)
    by_b = (surface(w, b + h).error - surface(w, b - h).error) / (2 * h)
    np.testing.assert_allclose(found.by_w, by_w, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(found.by_b, by_b, rtol=1e-5, atol=1e-10)


def test_the_error_is_that_of_fifty_steps():
    x = 0.5
    for _ in range(50):
        x = 4.5 / (1 + np.exp(-x)) - 2.2
    assert surface(4.5, -2.2).error == pytest.approx((1 / (1 + np.exp(-x)) - 0.7) ** 2, rel=1e-12)


def test_the_wall_stands_where_the_start_is_the_repeller():
    assert wall(1.0) == pytest.approx(0.5 - 0.62246, abs=5e-6)
    assert wall(5.0) == pytest.approx(-2.6123, abs=5e-5)
    across = surface(5.0, wall(5.0) + np.array([-1e-3, 1e-3])).error
    assert across[0] > 10 * across[1]


def test_its_height_and_the_plain_around_it():
    near = surface(5.0, wall(5.0) + np.linspace(-1e-3, 1e-3, 4001))
    assert np.hypot(near.by_w, near.by_b).max() == pytest.approx(6.8e3, rel=0.02)
    plain = surface(*np.meshgrid(np.linspace(3, 7, 200), np.linspace(-4, -1, 200)))
    assert np.median(np.hypot(plain.by_w, plain.by_b)) == pytest.approx(0.05, rel=0.05)


def test_a_clipped_step_is_never_longer_than_the_clip_and_keeps_its_direction():
    path = descend(5.0, -2.3, rate=0.05, clip=0.5, steps=60)
    steps = np.diff(path, axis=0)
    assert np.hypot(*steps.T).max() == pytest.approx(0.025)
    found = surface(*path[:-1].T)
    assert np.abs(steps[:, 0] * found.by_b - steps[:, 1] * found.by_w).max() < 1e-9 * np.abs(found.by_w).max()


def test_the_plain_descent_is_thrown_away_and_the_clipped_one_is_not():
    figure = error_surface()
    plain, clipped = figure.axes[:2]
    assert "longest step 19" in plain.get_title()
    assert "longest step 0.025" in clipped.get_title()
    assert "lands at" in plain.texts[0].get_text()
    assert not clipped.texts

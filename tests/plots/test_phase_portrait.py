"""Paths on the map of one unit."""

import numpy as np

from gradlab.plots import _one_unit
from gradlab.plots.phase_portrait import cobweb, phase_portrait


def test_a_path_goes_to_the_map_and_across_to_the_diagonal():
    x, y = map(np.array, cobweb(0.3, 5.0, -2.5, steps=4))
    np.testing.assert_allclose(y[1::2], _one_unit.step(x[1::2], 5.0, -2.5))
    np.testing.assert_allclose(x[::2], y[::2])
    assert (len(x), x[0], y[0]) == (9, 0.3, 0.3)


def test_three_biases_and_what_attracts_in_each():
    figure = phase_portrait()
    assert [axes.get_title().split(": ")[1] for axes in figure.axes] == [
        "1 attractor",
        "2 attractors",
        "1 attractor",
    ]
    middle = figure.axes[1]
    paths = [line.get_xdata()[-1] for line in middle.lines if len(line.get_xdata()) == 61]
    left, repeller, right = _one_unit.fixed_points(5.0, -2.5)
    assert abs(repeller) < 1e-9
    np.testing.assert_allclose(paths, [left, right], atol=0.1)


def test_named_biases_and_a_weak_unit():
    figure = phase_portrait(w=3.0, low=-3.0, middle=-1.5, high=0.0)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["b = -3: 1 attractor", "b = -1.5: 1 attractor", "b = 0: 1 attractor"]

"""Attractors over the bias: the published saddle-nodes."""

import numpy as np
import pytest

from gradlab.plots import _one_unit
from gradlab.plots.bifurcation import bifurcation


def test_the_saddle_nodes_of_the_paper():
    (late, low), (early, high) = _one_unit.saddle_nodes(5.0)
    assert (round(late, 4), round(early, 4)) == (-2.3444, -2.6556)
    assert (round(low, 4), round(high, 4)) == (-0.9624, 0.9624)


@pytest.mark.parametrize("w", [4.2, 5.0, 9.0])
def test_a_saddle_node_is_a_fixed_point_of_slope_one(w):
    for b, x in _one_unit.saddle_nodes(w):
        assert _one_unit.step(x, w, b) == pytest.approx(x, abs=1e-12)
        assert _one_unit.slope(x, w) == pytest.approx(1, abs=1e-12)
    assert _one_unit.saddle_nodes(4.0) is None


@pytest.mark.parametrize(("b", "count"), [(-2.7, 1), (-2.65, 3), (-2.35, 3), (-2.3, 1)])
def test_fixed_points_between_the_saddle_nodes_are_three_and_are_found(b, count):
    points = _one_unit.fixed_points(5.0, b)
    assert len(points) == count
    np.testing.assert_allclose(_one_unit.step(np.array(points), 5.0, b), points, atol=1e-12)
    # Where iterating the map ends, and nowhere else, is an attractor.
    ends = np.array([-6.0, 6.0])
    for _ in range(5000):
        ends = _one_unit.step(ends, 5.0, b)
    stable = [p for p in points if _one_unit.slope(p, 5.0) < 1]
    np.testing.assert_allclose([stable[0], stable[-1]], ends, atol=1e-9)


def test_the_curves_are_the_fixed_points_and_the_nodes_are_marked():
    figure = bifurcation()
    (panel,) = figure.axes
    attracts, repels = panel.lines[0].get_xydata(), panel.lines[1].get_xydata()
    for curve, wanted in ((attracts, True), (repels, False)):
        b, x = curve[np.isfinite(curve).all(axis=1)].T
        np.testing.assert_allclose(_one_unit.step(x, 5.0, b), x, atol=1e-12)
        assert ((np.abs(_one_unit.slope(x, 5.0)) <= 1 + 1e-9) == wanted).sum() >= len(x) - 2
    assert [line.get_xdata()[0] for line in panel.lines[2:]] == [b for b, _ in _one_unit.saddle_nodes(5.0)]
    assert "b = -2.3444" in " ".join(text.get_text() for text in panel.texts)


def test_a_weak_unit_has_one_fixed_point():
    figure = bifurcation(w=3.0)
    assert "one fixed point for every b" in figure.get_suptitle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["attracts"]

"""Learning curves."""

import numpy as np

from gradlab.plots.learning_curves import followed, learning_curves
from tests.plots.comparisons import comparison


def test_a_solved_seed_keeps_its_last_value_and_a_broken_one_is_lost():
    run = comparison(
        ("none",), (20,), (1.0,), 3, lambda arm, T, w, s: 200 * (s == 0), lambda arm, T, w, s: 300 * (s == 1)
    )
    curves = run.curves[run.curves["metric"] == "loss"]
    updates, logs = followed(curves, run.table, False)
    np.testing.assert_array_equal(updates, [100, 200, 300, 400])
    np.testing.assert_allclose(logs[0], np.log10(1.4) - np.array([1, 2, 2, 2]))
    np.testing.assert_array_equal(np.isinf(logs[1]), [False, False, False, True])
    np.testing.assert_allclose(logs[2], np.log10(1.4 * 1.2 * 0.9 ** np.arange(1, 5)))


def test_curves_are_medians_and_end_where_most_seeds_have():
    run = comparison(
        ("none",), (20,), (1.0,), 3, breaks=lambda arm, T, w, s: 200 * (s > 0), solves=lambda *a: 0
    )
    (panel,) = learning_curves(run).axes
    y = panel.lines[0].get_ydata()
    np.testing.assert_array_equal(np.isfinite(y), [True, True, False, False])
    np.testing.assert_allclose(y[:2], np.log10(1.4 * 1.1 * 0.9 ** np.arange(1, 3)))


def test_panels_legend_and_chance():
    figure = learning_curves(comparison())
    assert [axes.get_title() for axes in figure.axes][:2] == ["T = 20, w_rec = 0.5", "T = 20, w_rec = 1"]
    assert len(figure.axes) == 9
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["none", "clip_norm", "solved (median seed)", "chance"]
    gradient = learning_curves(comparison(), metric="gradient_norm")
    assert "Norm of the gradient" in gradient.get_suptitle()
    assert "chance" not in [text.get_text() for text in gradient.legends[0].get_texts()]

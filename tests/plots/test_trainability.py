"""The map of what could be trained, and the forecast over it."""

import numpy as np

from gradlab.plots.trainability import row_of, trainability
from gradlab.studies.remedies.forecast import forecast
from tests.plots.comparisons import comparison


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_the_map_holds_the_shares():
    run = comparison(
        ("none",), (20, 50), (0.5, 1.0), 4, lambda arm, T, w, s: 100 * (w == 1 and (T == 20 or s == 0))
    )
    (panel,) = panels(trainability(run))
    np.testing.assert_allclose(panel.collections[0].get_array().reshape(2, 2), [[0, 1], [0, 0.25]])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["20", "50"]


def test_the_line_is_the_forecast_of_the_outcomes():
    run = comparison(("none",), (10, 20), (0.5, 1.5))
    (panel,) = panels(trainability(run))
    predicted = forecast(run.outcomes()).predicted
    np.testing.assert_allclose(predicted, np.tile(1 + 3 / np.abs(np.log10([0.5, 1.5])), 2))
    expected = np.log(predicted[:2] / 10) / np.log(2)
    np.testing.assert_allclose(panel.lines[1].get_ydata(), np.clip(expected, -0.5, 1.5))


def test_beyond_the_map_stands_a_triangle_and_the_title_ranks():
    figure = trainability(comparison())
    marks = {line.get_marker(): line.get_xdata().tolist() for line in panels(figure)[0].lines[2:]}
    assert marks == {"^": [1.0], "v": [0.5]}
    assert "no rank of the forecast: the starts are too few" in figure.get_suptitle()
    several = comparison(w_rec=(0.5, 0.8, 1.0, 1.25, 1.5))
    rank = forecast(several.outcomes()).spearman
    assert f"{rank:+.2f}" in trainability(several).get_suptitle()
    assert "too few or too much alike" in trainability(comparison(T=(20,), w_rec=(1.0,))).get_suptitle()


def test_rows_are_logarithmic_in_T():
    np.testing.assert_allclose(row_of(np.array([10.0, 20.0, 40.0, 80.0]), np.array([20, 40])), [-1, 0, 1, 2])
    np.testing.assert_allclose(row_of(np.array([40.0]), np.array([20])), [1])

"""Horizons against w_rec."""

import numpy as np

from gradlab.plots.horizon import horizon
from gradlab.studies.sweep import results
from tests import samples


def draw(norms):
    return horizon(results.Run({}, results.metrics(norms), norms))


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_linear_cell_lies_on_the_linear_law():
    w = np.array([0.9, 0.5, 0.7])
    figure = draw(samples.norms(("elman(activation=identity)",), w, (20, 50)))
    for panel, decades in zip(figure.axes[:2], (np.log10(2), 3.0), strict=True):
        x, y = (
            panel.lines[-1].get_data() if panel.lines[-1].get_marker() == "." else panel.lines[-2].get_data()
        )
        drawn = np.isfinite(y)
        expected = np.log10(np.maximum(decades / -np.log10(np.sort(w)), 1.0))
        np.testing.assert_allclose(y[drawn], expected[drawn], atol=0.02)
        np.testing.assert_array_equal(x, np.sort(w))
    assert "T = 50, median over 3 seeds" in figure.get_suptitle()


def test_what_is_not_reached_is_a_triangle_on_the_line_of_T():
    figure = draw(samples.norms(("elman(activation=identity)",), (0.5, 1.2), (50,)))
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    np.testing.assert_allclose([line.get_data() for line in marks], [[[1.2], [np.log10(50)]]])
    assert "not within T" in legend(figure)


def test_cells_and_initialisers_have_their_signs_and_nothing_is_said():
    figure = draw(samples.norms(("elman", "lstm"), inits=("orthogonal", "gaussian")))
    assert legend(figure)[:4] == ["elman", "lstm", "orthogonal", "gaussian"]
    lost = samples.norms(("elman(activation=identity)",), (1.9,), (200,), nonfinite_above=1.5)
    assert all("nothing to draw" in panel.texts[0].get_text() for panel in draw(lost).axes[:2])

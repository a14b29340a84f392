"""The map of rates and its border."""

import numpy as np
import pytest

from gradlab.plots.rate_map import rate_map
from gradlab.studies.sweep import regimes, results
from tests import samples


def draw(norms):
    return rate_map(results.Run({}, results.metrics(norms), norms))


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def legend(figure):
    return [text.get_text() for found in figure.legends for text in found.get_texts()]


def test_border_of_a_linear_cell_is_the_linear_border():
    cells = ("elman(activation=identity)", "elman")
    norms = samples.norms(cells, np.linspace(0.5, 1.5, 21), (20, 50))
    figure = draw(norms)
    left, right = panels(figure)
    assert left.get_title() == "elman(activation=identity)\nborder at w_rec = 1.000 (T = 50)"
    crossings = left.lines[-1].get_xdata()
    np.testing.assert_allclose(crossings, 1.0, atol=1e-6)
    rates = results.grid(results.metrics(norms), norms, "rate").value.mean(-1)[1, 0, :, 1]
    assert f"border at w_rec = {regimes.border(norms['w_rec'].values, rates):.3f}" in right.get_title()
    assert legend(figure) == ["measured border (rate = 0)", "linear border, w_rec = 1"]


def test_the_map_shows_the_rates_row_by_row():
    norms = samples.norms(("elman(activation=identity)",), (0.5, 0.7, 1.4), (20, 50, 200))
    (panel,) = panels(draw(norms))
    shown = panel.images[0].get_array()
    np.testing.assert_allclose(shown, np.tile(np.log10([0.5, 0.7, 1.4]), (3, 1)), atol=1e-9)
    assert [label.get_text() for label in panel.get_yticklabels()] == ["20", "50", "200"]
    low, high = panel.images[0].get_clim()
    assert low == -high


def test_gaps_are_named_and_a_lost_seed_makes_one():
    norms = samples.norms(("elman(activation=identity)",), (0.5, 1.9), (20, 200), nonfinite_above=1.5)
    figure = draw(norms)
    assert "no rate (not finite or undefined)" in legend(figure)
    assert panels(figure)[0].images[0].get_array().mask.tolist() == [[False, False], [False, True]]


def test_without_a_border_the_title_says_so():
    for w_rec, words in (((0.5, 0.6), "negative"), ((3.0, 4.0), "positive")):
        (panel,) = panels(draw(samples.norms(("elman(activation=identity)",), w_rec)))
        assert f"every rate is {words}" in panel.get_title()


@pytest.mark.parametrize("w_rec", [(0.0,), (1.9,)])
def test_no_rate_at_all(w_rec):
    norms = samples.norms(("elman(activation=identity)",), w_rec, (200,), nonfinite_above=1.5)
    (panel,) = panels(draw(norms))
    assert "no rate" in panel.get_title()
    assert "nothing to draw" in panel.texts[0].get_text()


def test_six_cells():
    cells = ("elman", "elman(activation=identity)", "lstm", "gru", "esn", "elman(activation=relu)")
    assert len(panels(draw(samples.norms(cells, np.linspace(0, 2, 41), (5, 10), seeds=1)))) == 6

"""A figure's title and legends end within it, whatever they say."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from gradlab.plots import _fitting, _style

LONG = "Trainability of latch: no rank of the forecast: the starts are too few or too much alike"


def made(title, names, columns=3, panels=1):
    figure, _ = _style.panels(panels)
    figure.suptitle(title)
    handles = [Line2D([], [], label=name) for name in names]
    _fitting.legend(figure, handles, columns)
    return figure


def extents(figure):
    """From where to where each text and legend goes, as shares of the width."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [part.get_window_extent(renderer) for part in (*figure.texts, *figure.legends)]
    return [(box.x0 / figure.bbox.width, box.x1 / figure.bbox.width) for box in boxes]


@pytest.mark.parametrize("panels", [1, 3])
@pytest.mark.parametrize("columns", [1, 3, 5])
def test_long_words_end_within_the_figure(panels, columns):
    names = [f"lstm+chrono(longest={k * 10**k})" for k in range(5)]
    figure = made(LONG, names, columns, panels)
    _style.drawn(figure, "svg")
    assert all(low >= 0 and high <= 1 for low, high in extents(figure))
    assert " ".join(figure.texts[0].get_text().split("\n")) == LONG
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names


def test_they_do_in_files_as_well(tmp_path):
    figure = made(LONG, ["elman(activation=identity)+orthogonal", "lstm+chrono(longest=75.0)", "chance"])
    _style.save(figure, tmp_path, "one")
    assert all(low >= 0 and high <= 1 for low, high in extents(figure))
    assert figure.texts[0].get_text().count("\n") == 1


def test_what_fits_stays_as_it_is():
    figure = made("one\ntwo  three", ["a", "b", "c"])
    before = extents(made("one\ntwo  three", ["a", "b", "c"]))
    _style.drawn(figure, "svg")
    assert figure.texts[0].get_text() == "one\ntwo  three"
    assert [high - low for low, high in extents(figure)] == pytest.approx(
        [high - low for low, high in before]
    )


def test_one_word_without_end_is_left_whole():
    figure = made("x" * 300, ["a"])
    _style.drawn(figure, "svg")
    assert figure.texts[0].get_text() == "x" * 300

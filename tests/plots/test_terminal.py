"""Figures as characters."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradlab import registry
from gradlab.plots import _terminal
from gradlab.plots._canvas import Canvas
from gradlab.plots.bifurcation import bifurcation
from gradlab.plots.metrics import metrics
from gradlab.plots.rate_map import rate_map
from gradlab.studies.sweep import results
from tests import samples
from tests.plots.comparisons import comparison
from tests.plots.test_style import luminance

NORMS = samples.norms(("elman(activation=identity)", "lstm"), (0.5, 0.9, 1.0, 1.4), (20, 50))
RUN = results.Run({}, results.metrics(NORMS), NORMS)


def lines(figure, width=80, unicode=False, color=False):
    return _terminal.render(figure, width, unicode=unicode, color=color).plain.splitlines()


def test_a_dot_is_where_it_belongs():
    canvas = Canvas(4, 2, unicode=True)
    canvas.dot(0.0, 1.0, "", "a")
    canvas.dot(1.0, 0.0, "", "a")
    canvas.dot(0.5, 1.2, "", "a")
    assert [canvas.cell(0, 0)[0], canvas.cell(1, 3)[0], canvas.cell(0, 2)[0]] == ["\u2801", "\u2880", " "]
    plain = Canvas(4, 2, unicode=False)
    plain.line(np.array([0.0, 0.9]), np.array([1.0, 0.9]), "", "b")
    assert [plain.cell(0, k)[0] for k in range(4)] == ["b"] * 4


def test_a_rising_curve_rises():
    (row_of_first, row_of_last) = (None, None)
    drawn = [line.partition("|")[2] for line in lines(metrics(RUN, y="rate", color="")) if "|" in line]
    columns = [line.find("b") for line in drawn]
    row_of_first = next(k for k, line in enumerate(drawn) if line[2:12].strip())
    row_of_last = next(k for k, line in enumerate(drawn) if line[-12:].strip())
    assert row_of_last < row_of_first, columns


@pytest.mark.parametrize(
    "kind",
    [
        k
        for k in registry.names("plots")
        if k
        in (
            "profile",
            "rate_map",
            "three_gradients",
            "horizon",
            "metrics",
            "anatomy",
            "bifurcation",
            "phase_portrait",
            "learning_curves",
            "solved",
            "trainability",
        )
    ],
)
@pytest.mark.parametrize("unicode", [False, True])
def test_every_kind_fits_and_speaks_the_terminal_s_language(kind, unicode):
    reads = registry.home("plots", kind).READS
    run = {"sweep": RUN, "remedies": comparison(T=(20, 50), w_rec=(0.5, 1.0)), "": None}[reads]
    figure = registry.make("plots", kind)(run)
    found = lines(figure, unicode=unicode)
    assert unicode or "\n".join(found).isascii()
    assert max(len(line) for line in found if line[9:10] in "|+│┤└") <= 80
    assert found[0].strip()


def test_a_map_says_the_sign_in_words_and_in_shades():
    found = lines(rate_map(RUN))
    row = next(line for line in found if line.strip().startswith("50+"))
    assert row[10:20] == "=" * 10
    assert row[-10:] == "#" * 10
    assert any("log10 per step: -" in line and "[=-.+#]" in line for line in found)


def test_colour_is_only_added():
    figure = bifurcation()
    colored = _terminal.render(figure, 80, unicode=True, color=True)
    assert colored.plain.splitlines() == lines(figure, unicode=True)
    assert any("#0072b2" in str(span.style) for span in colored.spans)


def test_curves_are_told_apart_without_colour_and_the_key_has_their_values():
    found = lines(registry.make("plots", "profile")(RUN), unicode=True)
    key = next(line for line in found if line.startswith("w_rec:"))
    assert key == "w_rec:  a 0.5  b 0.9  c 1  d 1.4"
    first = [line.partition("│")[2] + line.partition("┤")[2] for line in found[2:14]]
    assert {letter for line in first for letter in line} >= set("abcd")
    ascii_key = next(line for line in lines(registry.make("plots", "profile")(RUN)) if "w_rec:" in line)
    assert [word for word in ascii_key.split() if word[0].isdigit()] == ["0.5", "0.9", "1", "1.4"]


def test_a_key_shows_dashes_as_dashes():
    key = lines(registry.make("plots", "profile")(RUN), unicode=True)[-1]
    assert "━ mean over seeds" in key
    assert "╌ linear law" in key


def test_every_colour_is_seen_on_black():
    figure = registry.make("plots", "profile")(RUN)
    colored = _terminal.render(figure, 80, unicode=True, color=True)
    shades = {str(span.style) for span in colored.spans if str(span.style).startswith("#")}
    assert len(shades) >= 4
    assert min(luminance(shade) for shade in shades) > 0.149


def test_the_border_is_drawn_over_the_map():
    found = lines(rate_map(RUN), unicode=True)
    assert sum(any(0x2800 < ord(letter) <= 0x28FF for letter in line) for line in found) >= 10


def test_a_title_of_two_lines_is_two_lines():
    figure = Figure()
    figure.subplots()
    figure.suptitle("What it is\nT = 4, 2 seeds\n")
    said = _terminal.render(figure, 60, unicode=True, color=False).plain
    assert said.splitlines()[:2] == ["What it is", "T = 4, 2 seeds"]

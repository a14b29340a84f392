"""Numbers of the lesson as each language writes them, and figures with its words."""

import re

import pytest

from gradlab.lesson import drawing
from gradlab.lesson.languages import ENGLISH, NAMES, known
from gradlab.lesson.parts import Anatomy
from tests.lesson.told import DRAWINGS, INSIDE


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "english", "german"),
        [
            (0.5, "0.5", "0,5"),
            (-13781.4, "−13800", "−13\u202f800"),
            (1234.0, "1230", "1230"),
            (2.63e-5, "2.63 · 10^{−5}", "2,63 · 10^{−5}"),
            (float("inf"), "infinity", "unendlich"),
            (float("-inf"), "−infinity", "minus unendlich"),
            (float("nan"), "no number", "keine Zahl"),
        ],
    )
    def test_each_language_writes_them_its_way(self, value, english, german):
        assert (ENGLISH.number(value), known("de").number(value)) == (english, german)

    def test_powers_lists_and_fixed_digits(self):
        german = known("de")
        assert german.ten_to(-602.06) == "10^{−602,1}"
        assert german.fixed(0.125, 2, signed=True) == "+0,12"
        assert german.listed(["a", "b", "c"]) == "a, b und c"
        assert german.listed(["0,1", "0,2", "0,3"]) == "0,1; 0,2 und 0,3"
        assert german.listed(["0,1"]) == "0,1"
        assert german.of("unrolled")("program", units=12345).count("12\u202f345") == 1

    def test_a_figure_has_them_along_its_axes_and_beside_its_states(self):
        svg = drawing.svg(DRAWINGS["unrolled"], "name", "words", known("de"))
        assert ">0,25<" in svg
        assert not re.search(r">[^<]*\d\.\d[^<]*</text>", svg)
        grid = drawing.svg(DRAWINGS["grid"], "name", "words", known("de"))
        assert re.search(r">−?\d,\d+</text>", grid)
        assert not re.search(r">[^<]*\d\.\d[^<]*</text>", grid)


class TestDrawn:
    @pytest.mark.parametrize("phone", [True, False])
    @pytest.mark.parametrize("code", NAMES)
    def test_the_legend_of_one_cell_fits(self, code, phone):
        figure = drawing.draw(Anatomy((INSIDE,)), known(code), phone=phone)
        figure.canvas.draw()
        legend = figure.legends[0].get_window_extent()
        assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1

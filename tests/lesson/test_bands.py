"""Bands around the lesson's curves: from the lowest to the highest of all seeds, and of nothing else."""

import math

import numpy as np
import pytest

from gradlab import lesson
from gradlab.lesson import drawing, page, sketch
from gradlab.lesson.bands import banded
from gradlab.lesson.languages import ENGLISH, known
from gradlab.lesson.parts import Band, Chart, Curve, Panel
from tests.cli.calling import gradlab
from tests.lesson.told import chapter, numbers

X = (0.0, 1.0, 2.0)


def told(*curves):
    """A chapter whose first figure has these curves."""
    whole = chapter()
    chart = Chart("lag", "transport", (Panel("one", curves),))
    return whole._replace(figures=(whole.figures[0]._replace(drawing=chart), *whole.figures[1:]))


def bands(*seeds):
    return banded(seeds).figures[0].drawing.panels[0].bands


def test_a_band_goes_from_the_lowest_to_the_highest():
    found = bands(*(told(Curve("a", X, y)) for y in ((0.0, 2.0, 4.0), (1.0, 1.0, 5.0), (0.5, 3.0, 4.5))))
    assert found == (Band(X, (0.0, 1.0, 4.0), (1.0, 3.0, 5.0)),)


def test_what_another_seed_does_not_move_has_none():
    law, line = Curve("law", X, (0.0, -1.0, -2.0), "dots"), Curve("a", X, (1.0, 1.0, 1.0))
    moved = line._replace(y=(2.0, 1.0, 1.0))
    assert bands(told(line, law), told(moved, law))[1] is None
    assert bands(told(line), told(line)) == ()


@pytest.mark.parametrize(
    "other",
    [Curve("b", X, X), Curve("a", (0.0, 1.0, 3.0), X), Curve("a", X[:2], X[:2]), Curve("a", X, X, "dashed")],
    ids=["name", "places", "length", "look"],
)
def test_another_curve_makes_none(other):
    assert bands(told(Curve("a", X, (0.0, 0.0, 0.0))), told(other)) == ()


def test_other_panels_or_curves_make_none():
    one, two = told(Curve("a", X, X)), told(Curve("a", X, X[::-1]), Curve("b", X, X))
    assert banded([one, two]) == one
    assert banded([one, one._replace(figures=one.figures[1:])]) == one


def test_a_number_missing_in_one_seed_is_missing_in_the_band():
    (band,) = bands(told(Curve("a", X, X)), told(Curve("a", X, (1.0, math.nan, 3.0))))
    assert np.array_equal(band.low, (0.0, math.nan, 2.0), equal_nan=True)


def test_one_seed_is_the_chapter_itself():
    assert banded([chapter()]) == chapter()


def test_its_words_are_those_of_the_first_seed_and_its_figures_say_what_a_band_is():
    module = lesson._module(2)
    seeds = [module.tell(numbers("sent_back", seed), seed, ENGLISH) for seed in (0, 1)]
    whole = banded(seeds)
    assert [f.answer for f in whole.figures] == [f.answer for f in seeds[0].figures]
    shown = page.html([(2, whole)], 0, "gradlab lesson 2 --seeds 2")
    assert "band: lowest to highest of 2 seeds" in shown
    assert "band: lowest to highest" not in page.html([(2, seeds[0])], 0, "gradlab lesson 2")
    figure = next(f for f in whole.figures if f.name == "matrix")
    for panel, other in zip(figure.drawing.panels, _chart(seeds[1], "matrix").panels, strict=True):
        assert any(panel.bands)
        for band, curve in zip(panel.bands, other.curves, strict=True):
            if band is not None:
                assert (np.array(band.low) <= curve.y).all()
                assert (np.array(curve.y) <= band.high).all()


def _chart(told, name):
    return next(f.drawing for f in told.figures if f.name == name)


def test_a_band_is_drawn_and_sketched_and_fits():
    seeds = [told(Curve("a", X, y)) for y in ((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))]
    chart = banded(seeds).figures[0].drawing
    figure = drawing.draw(chart)
    assert len(figure.axes[0].collections) == 1
    low, high = figure.axes[0].get_ylim()
    assert low <= 0 < 9 <= high
    lines = list(map(str, sketch.sketch(chart, 80, unicode=False)))
    assert sum("...." in line for line in lines) >= sketch.HEIGHT - 1
    assert ". band: lowest to highest of 2 seeds" in "\n".join(lines)


@pytest.mark.parametrize(
    "words", [("--seeds", "0"), ("--seeds", "101"), ("--seeds", "x"), ("--seeds", "1.5")]
)
def test_other_numbers_of_seeds_are_refused(words, tmp_path):
    found = gradlab("lesson", "2", *words, "-o", tmp_path / "page.html")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "--seeds" in found.err
    assert not (tmp_path / "page.html").exists()


def test_the_last_of_several_seeds_is_a_seed_too(tmp_path):
    assert gradlab("lesson", "2", "--seed", 2**63 - 2, "--seeds", 3, "-o", tmp_path / "page.html").code == 2


def test_what_a_band_is_stands_in_the_language():
    seeds = [told(Curve("a", X, y)) for y in (X, X[::-1])]
    chart = banded(seeds, known("de")).figures[0].drawing
    assert chart.band == "Band: tiefster bis höchster Wert von 2 Startwerten"


def test_the_plan_counts_the_seeds():
    one, five = lesson.plan([2, 4]), lesson.plan([2, 4], 5)
    assert one.seconds < five.seconds < 5 * one.seconds


@pytest.mark.slow
def test_the_command_draws_them(tmp_path):
    found = gradlab("lesson", "4", "--seeds", 2, "-o", tmp_path / "page.html", "--figures", tmp_path)
    assert found.code == 0
    text = (tmp_path / "page.html").read_text()
    assert "lowest to highest of 2 seeds" in text
    assert "gradlab lesson 4 --seed 0 --seeds 2" in text
    assert (tmp_path / "chapter-4-remedies.svg").exists()

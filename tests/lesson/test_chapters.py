"""The chapters together: texts in which no number is fixed, and their names."""

import importlib
import re
import shlex

import jax
import pytest

from gradlab import lesson
from gradlab.errors import GradlabError
from gradlab.lesson import unrolled, words
from gradlab.lesson.languages import known
from gradlab.lesson.parts import Chapter
from tests.cli.calling import gradlab
from tests.lesson.told import numbers, said

CHEAP = ("unrolled", "sent_back")
SHIPPED = ("reading",)
"""Whose numbers are the same on every machine."""


@pytest.mark.parametrize("name", CHEAP)
def test_another_seed_gives_another_text(name):
    module = importlib.import_module(f"gradlab.lesson.{name}")
    assert said(module.tell(numbers(name, 0), 0)) != said(module.tell(numbers(name, 1), 0))


@pytest.mark.parametrize("name", CHEAP)
def test_what_is_told_comes_from_the_numbers(name):
    """Every number with three digits in a text changes when all measured numbers are multiplied."""
    module = importlib.import_module(f"gradlab.lesson.{name}")
    found = numbers(name)
    settings = {words.number(float(v)) for v in vars(module).values() if isinstance(v, int | float)}
    settings |= {f"{w:g}" for w in getattr(module, "GAINS", ())} | {"65.6"}
    first, second = (_long(said(module.tell(some, 0))) - settings for some in (found, _scaled(found)))
    assert first
    assert not first & second


def _long(text):
    return set(re.findall(r"\d+\.\d\d+", text))


def _scaled(tree):
    return jax.tree.map(lambda x: x * 1.0371 + 0.00123 if isinstance(x, float) and x else x, tree)


@pytest.mark.parametrize("name", CHEAP + SHIPPED)
def test_a_chapter_is_short_and_every_figure_is_whole(name):
    told = importlib.import_module(f"gradlab.lesson.{name}").tell(numbers(name), 0)
    assert isinstance(told, Chapter)
    length = len(" ".join([*told.paragraphs, *told.closing]).split())
    assert 150 <= length <= 330
    for figure in told.figures:
        assert figure.question.endswith("?")
        assert not figure.command or figure.command.startswith("gradlab ")


@pytest.mark.parametrize(("text", "which"), [("3", [3]), ("cliff", [4]), (None, [1, 2, 3, 4, 5, 6, 7])])
def test_chapters_by_number_and_name(text, which):
    assert lesson.chosen(text) == which


@pytest.mark.parametrize("text", ["0", "8", "-1", "", "three", "9" * 5000, "１"])
def test_unknown_chapters_are_refused_with_the_known_ones(text):
    with pytest.raises(GradlabError, match="1 unrolled, 2 sent_back, 3 far_left, 4 cliff"):
        lesson.chosen(text)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in lesson.CHAPTERS if name not in CHEAP + SHIPPED])
def test_the_slow_chapters_too(name):
    module = importlib.import_module(f"gradlab.lesson.{name}")
    told = [module.tell(numbers(name, seed), 0) for seed in (0, 1)]
    assert said(told[0]) != said(told[1])
    assert 150 <= len(" ".join([*told[0].paragraphs, *told[0].closing]).split()) <= 330


@pytest.mark.parametrize(
    ("language", "seeds", "more"), [("en", 1, ""), ("en", 3, " --seeds 3"), ("de", 1, " --language de")]
)
def test_below_a_figure_stands_what_makes_it_again(language, seeds, more):
    """As it was asked for: of so many seeds, in this language."""
    ((_, told),) = lesson.chapters([1], 7, (), known(language), seeds)
    assert {figure.command for figure in told.figures} == {f"gradlab lesson 1 --seed 7{more}"}
    assert gradlab(*shlex.split(told.figures[0].command)[1:], "--dry-run").code == 0
    told = unrolled.tell(numbers("unrolled"), 7)
    assert not any(figure.command for figure in told.figures)

"""The languages of the lesson: the same texts in each, all of them used, and no word that is none of them."""

import ast
import html
import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from gradlab import lesson
from gradlab.lesson import (
    cliff,
    connected,
    guessed,
    history,
    languages,
    page,
    terminal,
    training,
    valves,
)
from gradlab.lesson.languages import ENGLISH, NAMES, PLACE, Language, known, own
from gradlab.lesson.parts import Chapter, Strip, Table
from gradlab.plots import _drawing
from tests.lesson.test_live import browser, opening
from tests.lesson.test_live import pytestmark as browsing
from tests.lesson.test_sentences import VALVES, WALK, course, walked
from tests.lesson.told import numbers

__all__ = ["browser", "opening"]
HOME = Path(languages.__file__).parents[1]
CHAPTERS = [
    pytest.param(name, marks=[] if name == "reading" else pytest.mark.slow) for name in lesson.CHAPTERS
]
NAMED = {"tanh", "LSTM", "GRU", "lstm", "gradlab", "lesson", "dE"}
"""What every language says alike: names of cells, of a function, of the command, of a derivative."""


def marked():
    """A language without a Latin letter; every text is one of its own."""
    texts, count = {}, 0
    for part, table in ENGLISH.texts.items():
        texts[part] = {}
        for key, text in table.items():
            count += 1
            words = [
                f"{{{one}}}" if i % 2 else re.sub("[A-Za-z]", "ж", one)
                for i, one in enumerate(PLACE.split(text))
            ]
            texts[part][key] = f"{''.join(words)} №{count}"
    return Language("marked", "x-marked", ",", "", texts)


MARKED = marked()
SAID = """(among) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (walker.currentNode.parentElement.closest(among)) texts.push(walker.currentNode.data);
  }
  return texts.join(" ");
}"""
"""What is to be read in some elements, their texts apart from each other."""


class TestTexts:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_language_has_every_text_with_the_same_places(self, name):
        found = known(name)
        assert {part: set(table) for part, table in found.texts.items()} == {
            part: set(table) for part, table in ENGLISH.texts.items()
        }
        for part, table in found.texts.items():
            wrong = {key: own.wrong(text, ENGLISH.texts[part][key]) for key, text in table.items()}
            assert {key: what for key, what in wrong.items() if what} == {}
        assert own.sentence_faults(found.texts["unrolled"], {}) == []

    @pytest.mark.parametrize("name", [name for name in NAMES if name != "en"])
    def test_what_is_equal_is_no_sentence(self, name):
        """A text that was forgotten stays English."""
        pairs = [
            (text, ENGLISH.texts[part][key])
            for part, table in known(name).texts.items()
            for key, text in table.items()
        ]
        equal = {
            text for text, other in pairs if text == other and len(re.findall(r"[A-Za-z]{3,}", text)) > 1
        }
        assert equal <= {"{value} ({name})"}

    def test_every_text_is_asked_for_and_every_text_that_is_asked_for_is_there(self):
        used = {part: set() for part in ENGLISH.texts}
        for path in [*HOME.rglob("*.py"), *HOME.rglob("*.j2"), *HOME.rglob("*.js")]:
            wanted = asked(path)
            for part in parts(path):
                used[part] |= {key for key in ENGLISH.texts[part] if wanted.fullmatch(key)}
        unused = {part: set(table) - used[part] for part, table in ENGLISH.texts.items()}
        assert {part: keys for part, keys in unused.items() if keys} == {}
        for path in [*HOME.rglob("*.py"), *HOME.rglob("*.j2"), *HOME.rglob("*.js")]:
            there = {key for part in parts(path) for key in ENGLISH.texts[part]}
            calls = set(re.findall(r"\bsay\(\s*\"(\w+)\"", path.read_text(encoding="utf-8")))
            assert calls <= there, path.name

    def test_the_legend_is_that_of_the_plot(self):
        assert dict(ENGLISH.texts["drawing"]) == _drawing.LEGEND

    def test_what_ships_with_the_last_chapter_is_named_as_it_is(self):
        say = ENGLISH.of("reading")
        for reader in numbers("reading").readers:
            assert say(f"source_{reader.name}") == reader.source
            for one in reader.followers:
                assert say(f"label_{one.label.replace(' ', '_')}") == one.label


def parts(path):
    """The tables that a file takes texts from."""
    text = path.read_text(encoding="utf-8")
    found = set(re.findall(r"\.of\(\"(\w+)\"\)", text))
    if path.suffix == ".js":
        return {"live"}
    return found | {"page"} if path.suffix == ".j2" else found


def asked(path):
    """What a file's strings may ask for."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return re.compile("|".join(re.findall(r"\"(\w+)\"", text)))
    patterns = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            patterns.append(re.escape(node.value))
        elif isinstance(node, ast.JoinedStr):
            pieces = [
                re.escape(one.value) if isinstance(one, ast.Constant) else r"\w+" for one in node.values
            ]
            if len(pieces) > 1 and any(isinstance(one, ast.Constant) for one in node.values):
                patterns.append("".join(pieces))
    return re.compile("|".join(f"(?:{one})" for one in patterns if re.fullmatch(r"[\w\\+]+", one)))


class TestTold:
    @pytest.mark.parametrize("code", NAMES)
    @pytest.mark.parametrize("name", CHAPTERS)
    def test_each_language_tells_every_chapter(self, name, code):
        told = importlib.import_module(f"gradlab.lesson.{name}").tell(numbers(name), 0, known(code))
        assert told.title == known(code).texts[name]["title"]
        assert all(figure.question.endswith("?") for figure in told.figures)
        texts = [*told.paragraphs, *told.closing, *(figure.answer for figure in told.figures)]
        assert all(re.search(r"\.\)?$", text) for text in texts)


class TestMarked:
    """Told in a language of no Latin letter: a letter that is there came from code."""

    @pytest.mark.parametrize("name", CHAPTERS)
    def test_a_page_says_nothing_of_its_own(self, name):
        told = importlib.import_module(f"gradlab.lesson.{name}").tell(numbers(name), 0, MARKED)
        number = lesson.CHAPTERS.index(name) + 1
        text = page.html([(number, told)], 0, "gradlab lesson", MARKED)
        assert '<html lang="x-marked">' in text
        assert left(text) == set()

    @pytest.mark.parametrize("name", CHAPTERS)
    def test_the_walk_says_nothing_of_its_own(self, name):
        told = unread(importlib.import_module(f"gradlab.lesson.{name}").tell(numbers(name), 0, MARKED))
        pieces = [
            *terminal.walk(1, told, 80, MARKED, unicode=True),
            terminal.found(range(1, 8), 80, MARKED, unicode=True),
        ]
        # Neither commands nor letters of a canvas.
        apart = re.compile(r"[ $]+gradlab | {6}-|.{8}\|")
        lines = [line for piece in pieces for line in map(str, piece) if not apart.match(line)]
        assert unknown(without_names(" ".join(lines))) == set()

    def test_the_frame_of_several_chapters_says_nothing_of_its_own(self):
        two = [(number, Chapter(f"№{number}", (), (), ())) for number in (1, 7)]
        text = page.html([two[0], (7, two[1][1]._replace(computed_before=True))], 0, "gradlab lesson", MARKED)
        assert left(text) == set()

    @browsing
    def test_widgets_say_nothing_of_their_own(self, opening):
        tab = opening(page.html([(1, alive())], 0, "gradlab lesson", MARKED))
        tab.run(
            "document.querySelectorAll('[aria-label]').forEach((one) => one.matches('button') && one.click())"
        )
        assert tab.run("document.querySelectorAll('.live:not([hidden])').length") == 4
        told = tab.run(f"({SAID})('.live, .course, .verdict')")
        labels = tab.run(
            "[...document.querySelectorAll('[aria-label]')].map((one) => one.ariaLabel).join(' ')"
        )
        assert "ж" in told
        assert unknown(without_names(f"{told} {labels}")) == set()


def alive():
    """A chapter of made-up numbers with every widget that needs none that are measured."""
    shapes = {"elman": 1, "lstm(forget_bias=3.0)": 4}
    start = {
        cell: training.Weights(
            np.ones((k, training.N, training.N)),
            *(np.ones((k, training.N)),) * 2,
            np.ones(training.N),
            np.zeros(()),
        )
        for cell, k in shapes.items()
    }
    learned = training.Numbers(start, dict.fromkeys(training.CELLS, course(0.1)), 0)
    figures = [
        *cliff.tell(walked(WALK, WALK), 0, MARKED).figures[:1],
        training.figure(learned, MARKED),
        valves.figure(VALVES, MARKED),
    ]
    rows = {name: tuple((0.0,) * t for t in range(1, 9)) for name in ("tanh", "LSTM", "GRU")}
    figures.append(figures[0]._replace(name="rows", live=connected.live(rows, MARKED)))
    return Chapter("№", (), tuple(one._replace(drawing=Table((), ())) for one in figures), ())


def left(text):
    """Words of a page that no language has said: in its text, in its names for ears, in facts of widgets."""
    facts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, flags=re.DOTALL)
    strings = [PLACE.sub("", one) for fact in facts for one in values(json.loads(fact))]
    text = re.sub(r"<(script|style|code|pre|math)\b.*?</\1>", " ", text, flags=re.DOTALL)
    strings += re.findall(r'(?:aria-label|title|alt)="([^"]*)"', text)
    text = re.sub(r"<[^>]*>", " ", text)
    return unknown(without_names(html.unescape(" ".join([text, *strings]))))


def values(fact):
    if isinstance(fact, dict | list):
        return [one for part in (fact.values() if isinstance(fact, dict) else fact) for one in values(part)]
    return [fact] if isinstance(fact, str) else []


def unread(told):
    """The chapter with no Latin letter in the texts that are read in it, whose lines end within words."""
    figures = [
        figure._replace(drawing=figure.drawing._replace(text=re.sub("[A-Za-z]", "ж", figure.drawing.text)))
        if isinstance(figure.drawing, Strip)
        else figure
        for figure in told.figures
    ]
    return told._replace(figures=tuple(figures))


def without_names(text):
    """Without what is the same in all languages: works, and texts that are read."""
    names = [part for one in history.SOURCES for part in (one.authors, one.title, one.place)]
    text = re.sub(r"\s+", " ", text)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    words = set()
    for reader in numbers("reading").readers:
        text = text.replace(reader.command, " ")
        words |= set(re.findall("[A-Za-z]+", reader.passage))
        words |= {
            part
            for one in reader.guessed.shown
            for part in re.findall("[A-Za-z]+", guessed.visible(one.before))
        }
    return re.sub(r"[A-Za-z]+", lambda found: " " if found[0] in words else found[0], text)


def unknown(text):
    return set(re.findall("[A-Za-z]{2,}", text)) - NAMED

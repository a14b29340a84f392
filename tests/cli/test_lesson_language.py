"""`gradlab lesson --language`: a language that ships, a file of one's own, and what is refused."""

import pytest

from gradlab.lesson import languages
from gradlab.lesson.languages import own
from tests.cli.calling import gradlab
from tests.cli.test_lesson import _somewhere, computed

__all__ = ["_somewhere", "computed"]
OWN = """
based_on = "de"
[language]
code = "de-CH"
group = "’"
[page]
lead = "Eine eigene Zeile & mehr."
[unrolled]
closing = "{steps} {parts} {whole} {largest} {check}"
"""


class TestSpoken:
    def test_a_page_in_german(self, computed, tmp_path):
        done = gradlab("lesson", 1, "--language", "de", "--quiet")
        assert (done.code, done.err) == (0, "")
        text = (tmp_path / "results/lesson-1.html").read_text(encoding="utf-8")
        assert '<html lang="de">' in text
        assert "Tabelle und Antwort zeigen" in text
        assert "Wer was wann gefunden hat" in text
        assert "<code>gradlab lesson 1 --seed 0 --language de</code>" in text

    def test_a_walk_in_german(self, computed):
        done = gradlab("lesson", 1, "--language", "de", "--terminal", "--quiet")
        assert done.code == 0
        assert "Wer was wann gefunden hat\n====" in done.out
        assert "Kapitel 1 und 2." in " ".join(done.out.split())

    def test_a_file_of_one_s_own_stands_over_the_language_that_it_names(self, computed, tmp_path):
        (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
        done = gradlab("lesson", 1, "--language", "mine.toml", "--quiet")
        assert (done.code, done.err) == (0, "")
        text = (tmp_path / "results/lesson-1.html").read_text(encoding="utf-8")
        assert '<html lang="de-CH">' in text
        assert "Eine eigene Zeile &amp; mehr." in text
        assert "Tabelle und Antwort zeigen" in text
        mine = languages.language("mine.toml")
        assert mine.number(12345.0) == "12’300"
        assert mine.texts["unrolled"]["closing"] == "{steps} {parts} {whole} {largest} {check}"


PAGE, LANGUAGE = 'based_on = "en"\n[page]\n', 'based_on = "en"\n[language]\n'
CHAPTER = 'based_on = "en"\n[unrolled]\n'
BAD = {
    "not TOML": ("[page", ": is not TOML: "),
    "no base": ('[page]\ntitle = "x"', ":based_on: is missing; write one of de, en, whose"),
    "another base": ('based_on = "fr"', ":based_on: 'fr' is no language; write one of de, en"),
    "a base that is a number": ("based_on = 1", ":based_on: 1 is no language"),
    "an unknown table": ('based_on = "en"\n[pages]\n', ":pages: no such key; did you mean page?"),
    "an unknown text": (PAGE + 'titel = "x"', ":page.titel: no such key; did you mean"),
    "a table that is none": ('based_on = "en"\npage = 1', ":page: 1 must be a table"),
    "a number": (PAGE + 'title = 1', ":page.title: 1 must be text in quotes"),
    "a table in a table": ('based_on = "en"\n[page.title]\nx = 1', ":page.title: {'x': 1} must be text"),
    "nothing": (PAGE + 'title = " "', ":page.title: must be 1 to 5000 characters long"),
    "too much": (PAGE + f'title = "{"x" * 5001}"', ":page.title: must be 1 to 5000"),
    "a line break": (PAGE + 'title = "a\\nb"', ":page.title: 'a\\nb' holds a line break"),
    "an escape": (PAGE + 'title = "a\\u001b[2J"', ":page.title: 'a\\x1b[2J' holds a"),
    "a place too many": (
        PAGE + 'in_chapter = "{chapter} {pages}"',
        ":page.in_chapter: has {pages}, which nothing is put into; known: {chapter}",
    ),
    "a place of Python's": (
        PAGE + 'in_chapter = "{chapter.__class__}"',
        ":page.in_chapter: has {chapter.__class__}, which nothing",
    ),
    "a place too few": (PAGE + 'in_chapter = "x"', ":page.in_chapter: does not have {chapter}"),
    "half a place": (
        PAGE + 'in_chapter = "{chapter} {x"',
        ":page.in_chapter: '{chapter} {x' has a brace without its other one",
    ),
    "a code that is markup": (
        LANGUAGE + 'code = "\\"><script>"',
        ":language.code: '\"><script>' must be the code of a language",
    ),
    "a decimal sign": (LANGUAGE + 'decimal = "1"', ":language.decimal: '1' must be a point or"),
    "two equal signs": (LANGUAGE + 'group = "."', ":language: decimal and group are the same"),
    "a sentence of other words": (
        CHAPTER + 'source_other = "The girl and the boy from our street look tired"',
        ":unrolled.source_other: must have as many words as source_one, at most 12, and differ from it in",
    ),
    "a sentence with two other words": (
        CHAPTER + 'source_one = "A boy from our street looks tired"',
        ":unrolled.source_one: must have as many words as source_other, at most 12, and differ from it in",
    ),
    "a translation that stays": (
        CHAPTER + 'target_one = "La ragazza della nostra strada sembra stanca"',
        ":unrolled.target_one: must have as many words as target_other, at most 12, and differ from it in",
    ),
    "two faults": (
        PAGE + 'title = 1\nlead = 2',
        ": 2 faults: page.title: 1 must be text in quotes; page.lead: 2 must be",
    ),
    "a bomb": (f'based_on = "en"\nx = {"[" * 5000}', ": is nested deeper than 64"),
    "a large file": (f'based_on = "en"\n#{"x" * 2**20}', ": has 1.05 MB; at most 1.05 MB are read"),
}  # fmt: skip


class TestRefused:
    @pytest.mark.parametrize("case", BAD)
    def test_a_file_at_fault_is_a_line_and_nothing_is_computed(self, computed, tmp_path, case):
        text, line = BAD[case]
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        done = gradlab("lesson", 1, "--language", "mine.toml", "--quiet")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: mine.toml{line}")
        assert done.err.count("\n") == 1
        assert computed == []

    def test_an_unknown_language_names_the_known_ones(self, computed):
        done = gradlab("lesson", "--language", "fr")
        assert (done.code, done.out) == (2, "")
        assert (
            done.err == "error: --language: no language 'fr'; known: de, en; or name a .toml file of texts\n"
        )
        assert computed == []

    @pytest.mark.parametrize("name", ["nothing.toml", "../en.toml"])
    def test_a_file_that_is_not_there(self, computed, name):
        done = gradlab("lesson", "--language", name)
        assert done.code == 2
        assert done.err.startswith(f"error: {name}: no such file; ")
        assert computed == []


def test_markup_is_no_place_and_a_place_may_stand_in_markup():
    assert own.wrong("h_{t} at h_{{steps}}, 10^{−3}", "{steps}") == ""
    assert own.wrong("h_{t", "x") == "'h_{t' has a brace without its other one"

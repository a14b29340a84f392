"""Questions with choices, the tally, all opened, one chapter per screen, on paper, and without scripts."""

import re

import pytest

from gradlab.lesson import page, terminal
from gradlab.lesson.parts import Choices
from tests.lesson.test_live import browser, opening, pytestmark
from tests.lesson.told import chapter

__all__ = ["browser", "opening", "pytestmark"]
BAR = "document.querySelector('.course')"
SECTIONS = "[...document.querySelectorAll('main > section')]"
SHOWN = f"{SECTIONS}.filter((one) => one.offsetHeight > 0).map((one) => one.id)"
FOCUS = "document.activeElement.closest('section')?.id"


def asking(title, right):
    """A chapter of two figures, both with choices."""
    made = chapter(title=title)
    shown = [figure for figure in made.figures if figure.name in ("chart", "table")]
    choices = Choices("Which < one?", ("w^{T}", "`tanh`", "<b>neither</b>"), right)
    return made._replace(figures=tuple(figure._replace(choices=choices) for figure in shown))


@pytest.fixture(scope="module")
def said():
    chapters = [(1, asking("First", 0)), (2, asking("Second", 2)), (4, asking("Last", 1))]
    return page.html(chapters, 0, "gradlab lesson")


def choose(tab, name, at):
    tab.run(f"document.querySelectorAll('#{name} input[type=radio]')[{at}].click()")
    return tab.run(f"document.querySelector('#{name} .verdict').textContent")


def test_the_first_answer_to_a_question_counts(opening, said):
    tab = opening(said)
    tally = f"{BAR}.querySelector('output').textContent"
    assert tab.run(tally) == "6 questions"
    assert choose(tab, "c1-chart", 0).startswith("Right")
    assert tab.run(tally) == "1 of 1 right, 5 to go"
    assert choose(tab, "c2-chart", 0).startswith("Not in this run")
    assert choose(tab, "c2-chart", 2).startswith("Right")
    assert choose(tab, "c4-table", 1).startswith("Right")
    assert tab.run(tally) == "2 of 3 right, 3 to go"


def test_choices_are_chosen_by_keys(opening, said):
    tab = opening(said)
    tab.run("document.querySelector('#c2-table input').focus()")
    tab.key("ArrowUp", 38)
    tab.until("document.querySelector('#c2-table .verdict').textContent.startsWith('Right')")


def test_all_is_opened_and_shut(opening, said):
    tab = opening(said)
    shut = "document.querySelectorAll('main details:not([open])').length"
    tab.run("document.querySelectorAll('details').forEach((one) => (one.open = false))")
    assert tab.run(shut) == 6
    tab.run(f"{BAR}.querySelector('[name=open]').click()")
    assert tab.run(shut) == 0
    tab.run(f"{BAR}.querySelector('[name=open]').click()")
    assert tab.run(shut) == 6


def test_one_chapter_per_screen_is_turned_by_keys_and_links(opening, said):
    tab = opening(said)
    assert tab.run(SHOWN) == ["c1", "c2", "c4", "sources"]
    tab.run(f"{BAR}.querySelector('[name=screens]').click()")
    assert tab.run(SHOWN) == ["c1"]
    tab.run("document.activeElement.blur()")
    tab.key("ArrowRight", 39)
    assert (tab.run(SHOWN), tab.run(FOCUS)) == (["c2"], "c2")
    tab.run("document.querySelector('#c2 [rel=next]').click()")
    tab.until(f"{SHOWN}.join() === 'c4'")
    tab.run("document.activeElement.blur()")
    for shown in ("c2", "c1", "c1"):
        tab.key("ArrowLeft", 37)
        assert tab.run(SHOWN) == [shown]
    # An arrow key among choices is theirs.
    tab.run("document.querySelector('#c1-chart input').focus()")
    tab.key("ArrowRight", 39)
    assert tab.run(SHOWN) == ["c1"]
    tab.ask("Emulation.setEmulatedMedia", media="print")
    assert tab.run(SHOWN) == ["c1", "c2", "c4", "sources"]
    tab.ask("Emulation.setEmulatedMedia", media="")
    tab.run(f"{BAR}.querySelector('[name=screens]').click()")
    assert tab.run(SHOWN) == ["c1", "c2", "c4", "sources"]


def test_on_paper_a_question_stays_with_its_figure(opening, said):
    tab = opening(said)
    tab.ask("Emulation.setEmulatedMedia", media="print")
    style = "getComputedStyle(document.querySelector('#c1-chart')).breakInside"
    assert tab.run(style) == "avoid"
    assert tab.drawn(".course") == tab.drawn(".turn") == tab.drawn("#c1-chart .verdict") == (0, 0)
    assert tab.drawn("#c1-chart label")[0] > 0


def test_without_scripts_the_choices_and_the_answer_are_there(opening, said):
    tab = opening(said.replace("<details>", "<details open>"), scripts=False)
    assert tab.drawn(".course") == (0, 0)
    assert tab.drawn("#c1-chart label")[0] > 0
    assert tab.drawn("#c1-chart .answer")[0] > 0
    assert said.count('<p class="true">Which &lt; one? <strong>w<sup>T</sup></strong>.</p>') == 2


def test_texts_of_a_figure_can_be_selected(opening, said):
    tab = opening(said)
    texts = "[...document.querySelectorAll('#c1-chart .wide svg text')]"
    tab.run(f"getSelection().selectAllChildren({texts}.find((one) => one.textContent === 'transport'))")
    assert tab.run("String(getSelection())") == "transport"


def test_parts_of_the_page_have_names(said):
    for section in re.findall(r"<section[^>]*>", said):
        title = re.search(r'aria-labelledby="([^"]+)"', section)[1]
        assert f'id="{title}"' in said
    names = re.findall(r'<nav[^>]*aria-label="([^"]+)"', said)
    assert names == ["Chapters", "From chapter 1", "From chapter 2", "From chapter 4"]
    links = re.findall(r'rel="(?:prev|next)" href="#(\w+)"', said)
    assert links == ["c2", "c1", "c4", "c2", "sources"]
    radios = re.findall(r'type="radio" name="([^"]+)"', said)
    assert len(set(radios)) == 6
    assert len(radios) == 18


@pytest.mark.parametrize("unicode", [True, False])
def test_the_walk_in_a_terminal_gives_letters(unicode):
    pieces = [list(map(str, piece)) for piece in terminal.walk(4, asking("Last", 1), 40, unicode=unicode)]
    assert pieces[0][-5:] == ["Which < one?", "  a) w^T", "  b) tanh", "  c) <b>neither</b>", ""]
    assert "Which < one? b) tanh." in pieces[1]

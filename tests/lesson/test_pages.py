"""The page and the walk: self-contained, escaped, 80 columns, readable without UTF-8."""

import collections
import html.parser
import re

import pytest
from matplotlib.colors import to_hex

from gradlab import lesson
from gradlab.lesson import colored, drawing, history, page, parts, sketch, terminal, variants
from gradlab.lesson.languages import ENGLISH
from gradlab.plots import _colors
from tests.lesson.told import DRAWINGS, chapter, numbers


class Tags(html.parser.HTMLParser):
    """Collects tags and checks that they are nested."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.links, self.ids = [], set(), [], []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data")]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text():
    return page.html([(1, chapter()), (2, chapter(title="Second"))], 3, "gradlab lesson --seed 3")


@pytest.fixture(scope="module")
def tags(text):
    found = Tags()
    found.feed(text)
    return found


def test_the_page_asks_nobody_for_anything(text, tags):
    assert all(link.startswith(("#", "data:")) for link in tags.links)
    outside = re.findall(r"https?://[^\s\"'<]+", text)
    assert set(outside) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert "url(" not in re.sub(r"url\(#", "", text)


def test_it_reads_without_scripts_and_is_escaped(text, tags):
    assert "script" not in tags.seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert tags.open == []


def test_ids_are_unique_though_two_figures_are_equal(tags):
    assert len(tags.ids) == len(set(tags.ids))
    assert {"c1", "c2", "c1-chart", "c2-chart-words"} <= set(tags.ids)


def test_it_adapts_to_dark_phone_and_paper(text):
    for what in ("prefers-color-scheme: dark", "max-width: 48rem", "@media print", "width=device-width"):
        assert what in text
    # Each figure is there for wide screens and for phones.
    assert text.count('<div class="wide"><svg') == text.count('<div class="phone"><svg') > 0


def test_every_figure_has_its_question_before_and_its_command_after(text):
    for name in DRAWINGS:
        figure = text.split(f'id="c1-{name}">')[1].split("</figure>")[0]
        places = [
            figure.index(part) for part in ("Is σ", "<details>", "Title of", "Yes: w<sup>", "<pre>gradlab")
        ]
        assert places == sorted(places)


@pytest.mark.slow
def test_equal_chapters_give_equal_bytes(text):
    again = page.html([(1, chapter()), (2, chapter(title="Second"))], 3, "gradlab lesson --seed 3")
    assert again == text


def test_who_found_what_is_in_order_and_each_work_belongs_to_a_chapter(text):
    years = [source.year for source in history.SOURCES]
    assert years == sorted(years)
    assert {n for s in history.SOURCES for n in s.chapters} == set(range(1, len(lesson.CHAPTERS) + 1))
    asked = [(s.authors.rsplit(" ", 1)[1], s.year) for s in history.SOURCES if len(s.authors.split(",")) == 1]
    assert asked == [("Hochreiter", 1991), ("Jaeger", 2001), ("Karpathy", 2015), ("Olah", 2015)]
    shown = text.split('id="sources"')[1]
    for source in history.SOURCES:
        # The page of chapters 1 and 2 names what these build on, and nothing else.
        assert (source.title in shown) == bool({1, 2} & set(source.chapters))
        found = source.found(ENGLISH)
        assert found.endswith(".")
        assert found.count(". ") == 0


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 80])
def test_who_found_what_fits_a_terminal(width, unicode):
    lines = terminal.found(range(1, 8), width, unicode=unicode)
    assert max(map(len, lines)) <= width
    assert [int(line[:4]) for line in lines[3:] if line[:1].isdigit()] == [s.year for s in history.SOURCES]
    assert unicode or all(line.isascii() and "?" not in line for line in lines)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_walk_fits(width, unicode):
    lines = [str(line) for piece in terminal.walk(1, chapter(), width, unicode=unicode) for line in piece]
    assert max(map(len, lines)) <= min(width, 80)
    assert unicode or all(line.isascii() for line in lines)


def test_the_question_ends_a_piece_and_the_figure_opens_the_next():
    pieces = [list(map(str, piece)) for piece in terminal.walk(4, chapter(), 80, unicode=True)]
    assert len(pieces) == len(DRAWINGS) + 1
    for i, name in enumerate(DRAWINGS):
        assert pieces[i][-2] == "? Is σ < 1?"
        assert pieces[i + 1][0] == f"Title of {name} <i>"
        assert "Yes: w^(T−t) ≤ 1 & more." in pieces[i + 1]


def test_a_sketched_line_is_where_its_numbers_are():
    lines = list(map(str, sketch.sketch(DRAWINGS["chart"], 60, unicode=False)))
    canvas = lines[1 : 1 + sketch.HEIGHT]
    assert canvas[0].split("|") == ["   10^0.0", "o" + canvas[0].split("|")[1][1:]] or canvas[0][9] in "ao"
    assert canvas[-1].rstrip().endswith("a")
    assert canvas[-1].split("|")[0].strip() == "10^-200.0"


def test_a_sketched_curve_has_the_colour_of_the_page_as_its_name_has():
    for name in ("chart", "grid"):
        drawn = drawing.draw(DRAWINGS[name])
        there = {to_hex(line.get_color()) for panel in drawn.axes for line in panel.get_lines()}
        here = collections.defaultdict(set)
        for line in sketch.sketch(DRAWINGS[name], 80, unicode=False):
            for span in line.spans:
                here[span.style].add(line.plain[span.start : span.end].strip()[:1])
        assert set(here) == {_colors.lit(shade) for shade in there}
        # A letter is of one colour, in the canvas and below it.
        letters = [letter for some in here.values() for letter in some]
        assert len(letters) == len(set(letters)) > 1


def test_a_walk_that_leaves_the_map_in_one_step_is_seen_to_leave_it():
    """Of its two places only the first is there, where another walk begins, too."""
    gone = parts.Curve("gone", (3.0, 23.0), (-2.0, 8.0), "dots")
    walks = (gone, gone._replace(label="stays", x=gone.x[:1], y=gone.y[:1]))
    lines = list(map(str, sketch.sketch(DRAWINGS["grid"]._replace(lines=walks), 80, unicode=False)))
    canvas = [line.split("|", 1)[1] for line in lines if "|" in line[:10]]
    assert all("a" in row for row in canvas[1:-1]), canvas
    assert [row.count("b") for row in canvas] == [0] * (len(canvas) - 1) + [1]


@pytest.mark.slow
def test_a_curve_of_a_cell_has_the_colour_of_the_cell():
    """As its diagram above has it, and as in a report."""
    told = variants.tell(numbers("variants"), 0)
    drawn = {figure.name: figure.drawing for figure in told.figures}
    curves = drawn["variants"].panels[0].curves
    of_curves = dict(zip((curve.label for curve in curves), colored.shades(curves), strict=True))
    assert len(set(of_curves.values())) == len(of_curves)
    assert {
        box.title: _colors.cell_color(box.cell) for box in drawn["anatomy"].cells
    }.items() <= of_curves.items()


def test_a_map_names_its_axes_and_what_is_shaded():
    lines = list(map(str, sketch.sketch(DRAWINGS["grid"], 80, unicode=False)))
    assert any(line.strip() == "w 3 to 5; up: b; the darker, the larger |dE|" for line in lines)


def test_a_strip_shows_every_character_above_its_value():
    lines = sketch.sketch(DRAWINGS["strip"], 80, unicode=False)
    shown, indent = DRAWINGS["strip"].text.replace(" ", ""), len("inside quotes ")
    assert "".join(str(line)[indent:] for line in lines[::3]).replace(" ", "") == shown
    assert str(lines[1]).startswith("inside quotes _=#_=#")
    colors = [(lines[1].plain[span.start : span.end], span.style) for span in lines[1].spans]
    assert colors[:2] == [("_", _colors.lit(colored.NO)), ("=#", _colors.lit(colored.YES))]
    assert set(dict(colors)) == {"_", "=#"}


def test_the_name_of_a_row_leaves_room_for_the_text():
    strip = parts.Strip("ab" * 40, (("a name of many words that goes on and on", (1.0,) * 80),))
    lines = list(map(str, sketch.sketch(strip, 60, unicode=False)))
    assert lines[1] == f"{'a name of many words'} {'#' * 39}"

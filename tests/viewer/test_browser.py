"""The viewer in a real browser: it opens alone, and draws what is in sight."""

import os
from pathlib import Path

import pytest

from tests.report.browser import Tab
from tests.viewer.hands import address, canvas, choose, go, pixels, place, settle, unit
from tests.viewer.opened import HAPPENED, needed

pytestmark = needed
SIZES = [(1280, False), (1280, True), (390, False), (390, True)]
LABELS = ("quotes", "bracket depth", "place in line")


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_it_opens_without_errors_or_requests_and_fits(open_tab, width, dark):
    tab = open_tab(width=width, dark=dark, phone=width < 500)
    go(tab, "#at=700&with=1:h/3")
    assert not tab.events(*HAPPENED)
    urls = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert all(url.startswith(("file:", "data:")) for url in urls)
    assert tab.run("document.documentElement.scrollWidth") <= width
    folder = os.environ.get("GRADLAB_SCREENSHOTS")
    if folder:
        tab.picture(Path(folder) / f"viewer-{width}-{'dark' if dark else 'light'}.png")


def test_another_unit_draws_the_lines_in_sight_alone(open_tab):
    tab = open_tab()
    before, seen = canvas(tab), pixels(tab)
    assert before["rows"] > 150
    tab.key("ArrowRight", 39)
    settle(tab)
    after = canvas(tab)
    assert pixels(tab) != seen
    height = tab.run("document.getElementById('text').clientHeight")
    assert after["lines"] == before["lines"] <= height / 100 + 2
    assert after["drawn"] - before["drawn"] == after["lines"]
    tab.run("document.getElementById('text').scrollTop = 5000")
    settle(tab)
    assert canvas(tab)["lines"] <= height / 100 + 2


def test_arrows_flip_units_in_the_order_of_the_list(open_tab):
    tab = open_tab()
    order = tab.run("[...document.querySelectorAll('#list button')].map(b => b.textContent)")
    assert unit(tab) == order[0]
    for key, code, wanted in [("ArrowRight", 39, 1), ("ArrowRight", 39, 2), ("ArrowLeft", 37, 1)]:
        tab.key(key, code)
        settle(tab)
        assert unit(tab) == order[wanted] == address(tab)["unit"]
        assert tab.run("document.querySelector('#list [aria-current] button').textContent") == order[wanted]
    tab.run("document.getElementById('search').focus()")
    tab.key("ArrowRight", 39)
    settle(tab)
    assert unit(tab) == order[1]
    tab.run("document.getElementById('previous').click()")
    settle(tab)
    assert unit(tab) == order[0]


def test_the_list_stands_by_score_those_above_their_controls_first(open_tab, run):
    tab = open_tab()
    choose(tab, "pick-cell", "1")
    choose(tab, "pick-label", "1")
    choose(tab, "pick-part", "z")
    table = run.scores.query("cell == 'gru' and label == 'bracket depth' and unit.str.startswith('z/')")
    table = table.assign(key=table["score"].abs() + 2 * (table["verdict"] == "above"))
    wanted = table.sort_values("key", ascending=False)["unit"].tolist()
    assert tab.run("[...document.querySelectorAll('#list button')].map(b => b.textContent)") == wanted
    signs = tab.run("[...document.querySelectorAll('#list tr')].map(r => r.cells[4].textContent)")
    assert [sign == "✓" for sign in signs] == sorted((table["verdict"] == "above").tolist(), reverse=True)
    shown = tab.run("document.getElementById('controls').textContent")
    row = table.set_index("unit").loc[wanted[0]]
    for name in ("shifted", "untrained", "random"):
        assert f"{row[name]:.2f}" in shown


def test_every_control_changes_the_picture(open_tab):
    tab = open_tab()
    seen = [pixels(tab)]
    for name, value in [
        ("pick-part", "h"), ("pick-part", "f"), ("pick-cell", "1"), ("pick-label", "0"), ("compare", "1"),
        ("predictions", ""), ("pick-place", "40"), ("search", "the"),
    ]:  # fmt: skip
        choose(tab, name, value)
        seen.append(pixels(tab))
        assert seen[-1] != seen[-2], name
    assert not tab.events(*HAPPENED)


def test_the_search_finds_every_place(open_tab, run):
    tab = open_tab()
    text = "".join(run.about["vocabulary"][code] for code in run.norms["codes"].values).lower()
    wanted = [at for at in range(len(text)) if text.startswith("return", at)]
    choose(tab, "search", "ReTurn")
    assert tab.run("TextView.found.found") == wanted
    assert tab.run("document.getElementById('found').textContent") == f"1 of {len(wanted)}"
    tab.run("document.getElementById('search').focus()")
    tab.key("Enter", 13, "\r")
    assert tab.run("document.getElementById('found').textContent") == f"2 of {len(wanted)}"
    tab.run("document.getElementById('find-next').click()")
    settle(tab)
    assert tab.run("document.getElementById('found').textContent") == f"3 of {len(wanted)}"
    assert place(tab, wanted[2])
    choose(tab, "search", ":\\n")
    assert tab.run("TextView.found.found") == [at for at in range(len(text)) if text.startswith(":\n", at)]
    choose(tab, "search", "no such words")
    assert tab.run("document.getElementById('found').textContent") == "not found"


def test_two_are_compared_side_by_side(open_tab):
    tab = open_tab()
    choose(tab, "compare", "1")
    assert len(tab.run("TextView.panes.map(({ cell }) => cell.cell)")) == 2
    assert tab.run("TextView.panes.map(({ cell }) => cell.cell)") == ["lstm", "gru"]
    assert tab.run("document.querySelectorAll('#panes button').length") == 2
    first = unit(tab)
    tab.key("ArrowRight", 39)
    settle(tab)
    assert unit(tab) != first
    assert address(tab)["with"] == f"1:{unit(tab)}"
    choose(tab, "pick-cell", "0")
    assert tab.run("TextView.panes.map(({ cell }) => cell.cell)") == ["lstm", "lstm"]
    choose(tab, "compare", "")
    assert "with" not in address(tab)


@pytest.mark.parametrize("width", [1280, 390])
def test_each_pane_is_hit_where_it_is_drawn(open_tab, width):
    tab = open_tab(width=width)
    go(tab, "#with=1:h/3")
    for pane in (0, 1):
        hits = tab.run(
            "(() => { const box = document.getElementById('text').getBoundingClientRect(); const seen = [];"
            " for (let y = 2; y < box.height; y += 7) for (let x = 2; x < box.width; x += 7)"
            " { const hit = TextView.hit(box.left + x, box.top + y);"
            f" if (hit?.pane === {pane}) seen.push([x, y, hit.at]); }}"
            " return seen; })()"
        )
        assert len({at for _, _, at in hits}) > 15
        middle = sum(x for x, _, _ in hits) / len(hits)
        assert width < 500 or (middle > width / 4) == (pane == 1) or pane == 0


def test_a_damaged_file_says_so(browser, file, tmp_path):
    content = file.read_text()
    start = content.index('id="array-3">') + len('id="array-3">')
    (tmp_path / "damaged.html").write_text(content[:start] + "AAAA" + content[start + 4 :])
    tab = Tab(browser, tmp_path / "damaged.html")
    tab.until("document.getElementById('waiting').textContent.includes('damaged')")
    tab.close()


def test_without_scripts_the_tables_are_seen(open_tab):
    tab = open_tab(scripts=False)
    for selector in (".note", "#cells td", "#detectors td", "#made dd"):
        assert min(tab.drawn(selector)) > 0, selector
    assert tab.drawn("#viewer") == (0, 0)


def test_it_prints_its_tables(open_tab):
    tab = open_tab(dark=True)
    tab.ask("Emulation.setEmulatedMedia", media="print")
    assert tab.drawn("#viewer") == (0, 0)
    assert min(tab.drawn("#detectors td")) > 0
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

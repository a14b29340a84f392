"""The viewer in a real browser: it opens alone, draws what is in sight, obeys hands, keys and addresses."""

import os
from pathlib import Path

import pytest

from tests.report.browser import Tab
from tests.viewer import made
from tests.viewer.opened import HAPPENED, READY, needed, written

pytestmark = needed
SIZES = [(1280, False), (1280, True), (390, False), (390, True)]
LABELS = ("quotes", "bracket depth", "place in line")


@pytest.fixture(scope="module")
def run():
    return made.run(("lstm", "gru", "elman"), characters=6000)


@pytest.fixture(scope="module")
def file(run, tmp_path_factory):
    return written(run, tmp_path_factory.mktemp("page") / "neurons.html")


@pytest.fixture
def open_tab(browser, file):
    """Opens the page, and closes it after the test."""
    tabs = []

    def opened(**settings):
        tabs.append(Tab(browser, file, **settings))
        if settings.get("scripts", True):
            tabs[-1].until(READY)
            settle(tabs[-1])
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.close()


def settle(tab):
    """Wait until what was asked for has been drawn."""
    tab.run("(async () => { for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); })()")


def canvas(tab):
    return {
        name: int(value)
        for name, value in tab.run("({ ...document.getElementById('canvas').dataset })").items()
    }


def unit(tab):
    return tab.run("document.getElementById('unit-name').textContent")


def address(tab):
    return tab.run("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")


def go(tab, words):
    tab.run(f"location.hash = {words!r}")
    settle(tab)


def choose(tab, name, value):
    tab.run(
        f"(() => {{ const c = document.getElementById({name!r});"
        f" if (c.type === 'checkbox') c.checked = {str(bool(value)).lower()}; else c.value = {value!r};"
        " for (const kind of ['change', 'input']) c.dispatchEvent(new Event(kind, { bubbles: true })); })()"
    )
    settle(tab)


def pixels(tab):
    return tab.run("document.getElementById('canvas').toDataURL()")


def place(tab, at, down=10):
    """Where on the screen a character is, so many pixels below the top of its line."""
    return tab.run(
        "(() => { const rows = [...document.querySelectorAll('#rows p')]; let seen = 0;"
        f" for (const row of rows) if (row.dataset.begin <= {at} && {at} < row.dataset.end) {{"
        " const box = row.getBoundingClientRect();"
        f" return [box.left + ({at} - row.dataset.begin + 0.5) * row.dataset.cell, box.top + {down}]; }}"
        " return null; })()"
    )


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


def test_the_mouse_over_a_character_says_its_values(open_tab, run):
    tab = open_tab()
    tab.point(*place(tab, 20))
    tab.until("!document.getElementById('tip').hidden")
    said = tab.run("document.getElementById('tip').innerText")
    code = run.norms["codes"].values[20]
    part, number = unit(tab).split("/")
    array = run.norms[f"cell0_{part}"]
    value = float(array.values[20, int(number)] * array.attrs["scale"])
    assert run.about["vocabulary"][code] in said
    assert f"{value:+.2f}".replace("-", "−") in said
    assert f"rank {run.norms['cell0_place'].values[20]}" in said
    tab.point(5, 5)
    assert tab.run("document.getElementById('tip').hidden")


def test_a_click_follows_the_gradient_back_and_escape_leaves(open_tab, run):
    tab = open_tab()
    before = pixels(tab)
    tab.point(*place(tab, 120), click=True)
    tab.until("!document.getElementById('card').hidden")
    assert address(tab)["at"] == "120"
    assert "largest at lag" in tab.run("document.getElementById('said').textContent")
    top = run.norms["cell0_top"].values[120]
    assert tab.run("TextView.panes[0].gradient.symbol") == top[0]
    assert pixels(tab) != before
    # The third of the predictions below the character.
    tab.point(*place(tab, 120, 38 + 2 * 14 + 5), click=True)
    settle(tab)
    assert tab.run("TextView.panes[0].gradient.symbol") == top[2]
    assert address(tab)["symbol"] == str(top[2])
    tab.key("Escape", 27)
    settle(tab)
    assert tab.run("document.getElementById('card').hidden")
    assert "at" not in address(tab)


def test_a_tap_says_the_values_too(open_tab):
    tab = open_tab(width=390, phone=True)
    tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
    x, y = place(tab, 3)
    tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    tab.until("!document.getElementById('tip').hidden")
    assert address(tab)["at"] == "3"


def test_shift_and_arrows_move_the_mark(open_tab, run):
    tab = open_tab()
    press = lambda key, code: tab.ask(
        "Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, modifiers=8
    )
    go(tab, "#at=100")
    for key, code, wanted in [("ArrowRight", 39, 101), ("ArrowLeft", 37, 100), ("ArrowLeft", 37, 99)]:
        press(key, code)
        settle(tab)
        assert address(tab)["at"] == str(wanted)
    press("ArrowDown", 40)
    settle(tab)
    below = int(address(tab)["at"])
    assert below > 99
    press("ArrowUp", 38)
    settle(tab)
    assert int(address(tab)["at"]) <= 99


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


def test_the_address_holds_unit_and_place_and_is_read_again(open_tab, run):
    tab = open_tab()
    words = {
        "cell": "1",
        "unit": "z/4",
        "with": "2:h/5",
        "label": "quotes",
        "at": "3000",
        "predictions": "off",
    }
    go(tab, "#" + "&".join(f"{key}={value}" for key, value in words.items()))
    assert address(tab) == words
    assert tab.run("TextView.panes.map(({ cell, row }) => cell.units.unit[row])") == ["z/4", "h/5"]
    assert place(tab, 3000)
    link = tab.run("location.hash")
    tab.run("window.before = true")
    tab.ask("Page.reload")
    tab.until(f"!window.before && document.documentElement && {READY}")
    assert tab.run("location.hash") == link
    tab.run("document.querySelector('#detectors a').click()")
    settle(tab)
    best = run.detectors.iloc[0]
    assert (address(tab)["unit"], address(tab)["label"]) == (best["unit"], best["label"])


@pytest.mark.parametrize(
    "words",
    ["#", "#cell=9&unit=x/1", "#cell=-1&at=-5", "#at=1e9", "#unit=c/999", "#with=9:c/1", "#with=:", "#%%%",
     "#label=%3Cb%3E", "#top=99999999", "#symbol=100000&at=5", "#unit=__proto__", "#at=NaN&with=1"],
)  # fmt: skip
def test_an_address_that_names_nothing_shows_the_first_unit(open_tab, words):
    tab = open_tab()
    go(tab, words)
    assert tab.run("TextView.panes[0].cell.cell") == "lstm"
    assert unit(tab).startswith(("c/", "h/"))
    assert not tab.events(*HAPPENED)


def test_the_lines_in_sight_are_there_as_text(open_tab, run):
    tab = open_tab(width=900)
    text = "".join(run.about["vocabulary"][code] for code in run.norms["codes"].values)
    for top in (0, 4000):
        tab.run(f"document.getElementById('text').scrollTop = {top}")
        settle(tab)
        rows = tab.run(
            "[...document.querySelectorAll('#rows p')]"
            ".map(p => [p.dataset.begin, p.dataset.end, p.textContent])"
        )
        assert len(rows) == canvas(tab)["lines"]
        lines = [row for row in rows if row[0] != row[1]]
        assert [words for *_, words in lines] == [text[int(a) : int(b)].rstrip("\n") for a, b, _ in lines]
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    spoken = {node.get("name", {}).get("value") for node in nodes if not node["ignored"]}
    assert {words for *_, words in lines if words.strip()} <= {name.rstrip("\n") for name in spoken if name}


def test_everything_is_reached_by_keyboard_and_has_a_name(open_tab):
    tab = open_tab()
    go(tab, "#at=700&with=1:h/3")
    kinds = "a[href], button, select, input, summary"
    mine = f"[...document.querySelectorAll('{kinds}')].filter(e => e.checkVisibility() && e.tabIndex >= 0)"
    tab.run("window.seen = new Set(); document.addEventListener('focusin', e => seen.add(e.target))")
    for _ in range(tab.run(f"{mine}.length") + 25):
        tab.key("Tab", 9)
    assert tab.run(f"{mine}.filter(e => !seen.has(e)).map(e => e.outerHTML.slice(0, 80))") == []
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "link", "combobox", "searchbox", "spinbutton", "checkbox", "img", "region")
    found = [n for n in nodes if not n["ignored"] and n["role"]["value"] in roles]
    assert not [n["role"]["value"] for n in found if not n.get("name", {}).get("value")]


def test_the_focus_stays_where_it_was_and_the_unit_is_said(open_tab):
    tab = open_tab()
    focused = "document.activeElement.textContent"
    tab.run("document.querySelector('#list button').focus()")
    tab.key("ArrowRight", 39)
    settle(tab)
    assert tab.run(focused) == unit(tab)
    assert tab.run("document.getElementById('said').textContent").startswith(f"{unit(tab)} of lstm: ")
    go(tab, "#at=100")
    tab.run("document.querySelectorAll('#card .choices button')[2].focus()")
    tab.key("Enter", 13, "\r")
    settle(tab)
    assert tab.run("document.activeElement.getAttribute('aria-pressed')") == "true"
    tab.key("Escape", 27)
    settle(tab)
    assert tab.run("document.activeElement.id") == "text"


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

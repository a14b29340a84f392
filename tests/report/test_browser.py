"""A report in a real browser: it opens alone, its controls work, and it is readable without them."""

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest

from gradlab.report import page, sources
from tests.report import folders
from tests.report.browser import Browser, Tab, found

pytestmark = pytest.mark.skipif(
    found() is None, reason="no Chromium found; install one or name it in GRADLAB_BROWSER"
)
SIZES = [(1280, False), (1280, True), (390, False), (390, True)]
READY = 'document.documentElement.dataset.explorer === "ready"'


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report of two runs, one with every figure."""
    home = tmp_path_factory.mktemp("browser")
    finding = {"text": "elman vanishes", "status": "passed", "sentence": "it does."}
    about = {"figures": ["profile", "rate_map", "three_gradients"]}
    places = [
        folders.sweep(home / "first", w_rec=(0.5, 0.9, 1.0, 1.5), T=(8, 20), about=about, findings=[finding]),
        folders.sweep(home / "second", w_rec=(0.5, 1.1), T=(8,)),
    ]
    made = page.render(page.compose([sources.read(place) for place in places]))
    (home / "report.html").write_text(made.html, encoding="utf-8")
    return home / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(found(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def open_tab(browser, file):
    """Opens the report, and closes it after the test."""
    tabs = []

    def opened(**settings):
        tabs.append(Tab(browser, file, **settings))
        if settings.get("scripts", True):
            tabs[-1].until(READY)
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.close()


def choose(tab, name, value):
    """Set a control as a hand would, and wait for the drawing."""
    tab.run(
        f"(async () => {{ const c = document.getElementById('pick-{name}'); c.value = {value!r};"
        " c.dispatchEvent(new Event('input', {bubbles: true}));"
        " await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); })()"
    )


def state(tab):
    """What the map and the profile show."""
    return tab.run(
        "JSON.stringify([...['map', 'network']"
        ".map(id => document.getElementById(id).shown), document.getElementById('said').textContent,"
        " ...[...document.querySelectorAll('.plots canvas')].map(c => c.toDataURL())])"
    )


def column(tab, index):
    """The texts of a column of the first table of regimes."""
    return tab.run(
        f"[...document.querySelectorAll('#r1-regimes-t tbody tr')].map(r => r.cells[{index}].dataset.v)"
    )


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_it_opens_without_errors_or_requests_and_fits(open_tab, width, dark):
    tab = open_tab(width=width, dark=dark, phone=width < 500)
    assert not tab.events("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
    urls = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert all(url.startswith(("file:", "data:", "blob:")) for url in urls)
    assert tab.run("document.documentElement.scrollWidth") <= width
    folder = os.environ.get("GRADLAB_SCREENSHOTS")
    if folder:
        tab.picture(Path(folder) / f"report-{width}-{'dark' if dark else 'light'}.png")


def test_every_control_changes_the_picture(open_tab):
    tab = open_tab()
    choose(tab, "cell", "1")
    seen = [state(tab)]
    for name, value in [("quantity", "adjoint"), ("part", "c"), ("T", "0"), ("w", "0"), ("run", "1")]:
        choose(tab, name, value)
        seen.append(state(tab))
        assert seen[-1] != seen[-2], name
    assert not tab.events("Runtime.exceptionThrown", "Log.entryAdded")


def place(tab, lag, w):
    """Where on the screen a cell of the map is."""
    return tab.run(
        "(() => { const m = document.getElementById('map');"
        " m.scrollIntoView({block: 'center', behavior: 'instant'});"
        f" const b = m.getBoundingClientRect(), [x, y] = m.shown.place({lag}, {w});"
        " return [b.left + x, b.top + y]; })()"
    )


def test_a_click_on_the_map_shows_that_network(open_tab):
    tab = open_tab()
    before = state(tab)
    tab.point(*place(tab, 10, 3), click=True)
    tab.until("document.getElementById('pick-w').value === '3'")
    tab.until("document.getElementById('said').textContent.includes('w_rec = 1.5')")
    assert state(tab) != before


def test_the_mouse_over_the_map_says_the_number(open_tab):
    tab = open_tab()
    tab.point(*place(tab, 10, 0))
    tab.until("document.querySelector('#map .tip').textContent.includes('lag 10, w_rec 0.5')")
    assert "10^" in tab.run("document.querySelector('#map .tip').textContent")


def colored(tab, lag, w):
    """The colour of the map's canvas at a lag and a w_rec."""
    return tab.run(
        "(() => { const m = document.getElementById('map'), c = m.querySelector('canvas');"
        f" const [x, y] = m.shown.place({lag}, {w}), dense = c.width / m.getBoundingClientRect().width;"
        " return [...c.getContext('2d').getImageData(x * dense, y * dense, 1, 1).data].slice(0, 3); })()"
    )


STOPS = ((0x12, 0x49, 0x7F), (0x5B, 0x9B, 0xD1), (0xFA, 0xFA, 0xFA), (0xE5, 0x8B, 0x62), (0x8C, 0x1F, 0x14))
"""Blue below 1, red above, by day."""


def test_the_colours_are_those_of_the_numbers(open_tab):
    """The stored norms of the first cell, coloured once more."""
    tab = open_tab()
    choose(tab, "quantity", "adjoint")
    run = json.loads(tab.run("document.getElementById('explorer-data').textContent"))["runs"][0]
    logs = np.frombuffer(base64.b64decode(run["maps"]["adjoint"]["state"]["0"]), "<f4")
    limit = np.quantile(np.abs(logs), 0.98, method="lower")
    last = logs[-len(run["w_rec"]) * 21 :].reshape(len(run["w_rec"]), 21)
    for lag, w in [(0, 1), (7, 0), (20, 0), (20, 3), (11, 3)]:
        at = np.clip(last[w, lag] / limit, -1, 1)
        wanted = [np.interp(at, np.linspace(-1, 1, 5), part) for part in zip(*STOPS, strict=True)]
        np.testing.assert_allclose(colored(tab, lag, w), wanted, atol=1.01)
    assert len({tuple(colored(tab, lag, 0)) for lag in range(21)}) > 10


def test_a_stretch_of_lags_is_shown_larger_and_given_back(open_tab):
    tab = open_tab()
    whole = state(tab)
    (x0, y), (x1, _) = place(tab, 5, 1), place(tab, 15, 1)
    far = x1 - x0
    tab.ask("Input.dispatchMouseEvent", type="mousePressed", x=x0, y=y, button="left", clickCount=1)
    tab.ask("Input.dispatchMouseEvent", type="mouseReleased", x=x1, y=y, button="left", clickCount=1)
    (x0, _), (x1, _) = place(tab, 5, 1), place(tab, 15, 1)
    assert x1 - x0 > 1.8 * far
    assert state(tab) != whole
    tab.run("document.getElementById('map').dispatchEvent(new MouseEvent('dblclick'))")
    assert state(tab) == whole


def test_tables_sort_by_mouse_and_by_keyboard(open_tab):
    tab = open_tab()
    tab.run("document.querySelectorAll('#r1-regimes-t th button')[3].click()")
    rates = [float(rate) for rate in column(tab, 3)]
    assert rates == sorted(rates)
    tab.run("document.querySelectorAll('#r1-regimes-t th button')[3].focus()")
    tab.key("Enter", 13, "\r")
    assert [float(rate) for rate in column(tab, 3)] == rates[::-1]
    assert tab.run("document.querySelectorAll('#r1-regimes-t th')[3].ariaSort") == "descending"
    tab.run("document.querySelectorAll('#r1-regimes-t th button')[6].click()")
    soft = column(tab, 7)
    tab.run("document.querySelectorAll('#r1-regimes-t th button')[7].click()")
    soft = column(tab, 7)
    known = [float(text) for text in soft if text]
    assert known == sorted(known)
    assert soft[len(known) :] == [""] * (len(soft) - len(known))


def test_a_table_is_copied_and_downloaded(open_tab):
    tab = open_tab()
    tab.browser.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    tab.ask("Page.bringToFront")
    tab.run("document.querySelector('#r1-regimes button.copy').click()")
    tab.until("document.querySelector('#r1-regimes button.copy').textContent === 'Copied'")
    link = tab.run("document.querySelector('#r1-regimes a[download]').href")
    assert base64.b64decode(link.split("base64,")[1]).startswith(b"cell,w_rec,regime,rate,")


def test_without_scripts_verdict_figures_and_tables_are_seen(open_tab):
    tab = open_tab(scripts=False)
    for selector in (
        ".verdict",
        ".findings li",
        "figure svg",
        "figcaption",
        "#r1-regimes-t td",
        "pre",
        ".unscripted",
    ):
        assert min(tab.drawn(selector)) > 0, selector
    for selector in ("#map", "#controls", "button.copy"):
        assert tab.drawn(selector) == (0, 0), selector


def test_everything_is_reached_by_keyboard_and_has_a_name(open_tab):
    tab = open_tab()
    wanted = tab.run(
        "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')]"
        ".filter(e => e.checkVisibility()).length"
    )
    tab.run("window.seen = new Set(); document.addEventListener('focusin', e => seen.add(e.target))")
    for _ in range(wanted + 20):
        tab.key("Tab", 9)
    missed = tab.run(
        "[...document.querySelectorAll('a[href], button, select, input, summary')]"
        ".filter(e => e.checkVisibility() && !seen.has(e)).map(e => e.outerHTML.slice(0, 80))"
    )
    assert missed == []
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "link", "combobox", "slider", "img", "region", "table")
    found_ = [n for n in nodes if not n["ignored"] and n["role"]["value"] in roles]
    unnamed = [n["role"]["value"] for n in found_ if not n.get("name", {}).get("value")]
    assert set(unnamed) <= {"table"}


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(open_tab, dark):
    """At least 4.5 to 1, as WCAG 2 asks of text."""
    tab = open_tab(dark=dark)
    ratios = tab.run(
        """(() => {
        const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
        return ['h1', '.question', '.verdict', '.kicker', 'nav a', 'figcaption', 'td', 'th', '.word',
            'summary', 'dt', 'pre', 'label', '#said'].map(s => { const e = document.querySelector(s);
            const [a, b] = [getComputedStyle(e).color, ground(e)].map(light).sort((x, y) => y - x);
            return [s, (a + 0.05) / (b + 0.05)]; }); })()"""
    )
    assert [pair for pair in ratios if pair[1] < 4.5] == []


def test_it_prints(open_tab):
    tab = open_tab(dark=True)
    paper = base64.b64decode(tab.ask("Page.printToPDF", printBackground=True)["data"])
    assert paper.startswith(b"%PDF")
    tab.ask("Emulation.setEmulatedMedia", media="print")
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.drawn("#controls") == tab.drawn("nav") == (0, 0)
    assert min(tab.drawn("#r1-regimes-t")) > 0

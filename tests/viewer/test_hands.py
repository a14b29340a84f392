"""The viewer obeys hands, keys and addresses."""

import pytest

from tests.viewer.hands import address, canvas, go, pixels, place, settle, unit
from tests.viewer.opened import HAPPENED, READY, needed

pytestmark = needed
LABELS = ("quotes", "bracket depth", "place in line")


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


def test_an_address_that_is_given_while_another_is_written_counts(open_tab):
    """A drawing that was on its way writes the address that it began with."""
    tab = open_tab()
    tab.run(
        "(() => { const before = location.hash; location.hash = '#cell=1&unit=z/4';"
        " history.replaceState(null, '', before); })()"
    )
    tab.until("location.hash.startsWith('#cell=1&unit=z/4')")


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

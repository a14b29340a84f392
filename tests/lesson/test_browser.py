"""The lesson in a real browser: each screen has figures that fit it, and dark ones where it is dark."""

import pytest

from gradlab.lesson import page, reading, variants
from gradlab.lesson.languages import NAMES, known
from tests.lesson.test_pages import text as text
from tests.lesson.told import numbers
from tests.report.browser import Browser, Tab, found

pytestmark = pytest.mark.skipif(
    found() is None, reason="no Chromium found; install one or name it in GRADLAB_BROWSER"
)
OPEN = "document.querySelectorAll('details').forEach((one) => (one.open = true))"
SHOWN = "[...document.querySelectorAll('.card svg')].filter((one) => one.getBoundingClientRect().width > 0)"
WIDER = (
    "[...document.querySelectorAll('.card, .scroll')]"
    ".filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
)
FILTERS = f"{SHOWN}.map((one) => getComputedStyle(one).filter)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(found(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_figures_fit_and_each_is_shown_once(browser, text, tmp_path, width, dark):
    (tmp_path / "lesson.html").write_text(text, encoding="utf-8")
    tab = Tab(browser, tmp_path / "lesson.html", width=width, dark=dark)
    tab.run(OPEN)
    drawn, cards = (int(tab.run(f"{what}.length")) for what in (SHOWN, "document.querySelectorAll('.card')"))
    assert drawn == cards > 0
    assert tab.run(WIDER) == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert all(("invert" in one) is dark for one in tab.run(FILTERS))
    # A letter is as large as beside it, and no smaller on a phone.
    least = (
        f"Math.min(...{SHOWN}.map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width))"
    )
    assert tab.run(least) >= 0.9
    tab.close()


@pytest.mark.parametrize("code", NAMES)
@pytest.mark.parametrize(
    ("module", "tables"), [(reading, 4), pytest.param(variants, 2, marks=pytest.mark.slow)]
)
def test_wide_tables_fit_a_phone(browser, tmp_path, code, module, tables):
    told = module.tell(numbers(module.__name__.rpartition(".")[2]), 0, known(code))
    text = page.html([(7, told)], 0, "gradlab lesson 7", known(code))
    (tmp_path / "lesson.html").write_text(text, encoding="utf-8")
    tab = Tab(browser, tmp_path / "lesson.html", width=390, dark=False)
    tab.run(OPEN)
    assert tab.run("document.querySelectorAll('.scroll table.many').length") == tables
    assert tab.run(WIDER) == []
    tab.close()

"""One browser for all tests of the viewer that a process runs, and pages in it."""

import pytest

from tests.report.browser import Browser, Tab, found
from tests.viewer import made
from tests.viewer.hands import settle
from tests.viewer.opened import READY, written


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    opened = Browser(found(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def opening(browser, tmp_path):
    """Opens the page of a run, and closes it after the test."""
    tabs = []

    def opened(run, **settings):
        tabs.append(Tab(browser, written(run, tmp_path / f"{len(tabs)}.html", **settings)))
        tabs[-1].until(READY)
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.close()


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

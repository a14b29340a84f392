"""One browser for all tests of the viewer that a process runs, and pages in it."""

import pytest

from tests.report.browser import Browser, Tab, found
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

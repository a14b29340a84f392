"""What tests of a page in a real browser need."""

import pytest

from gradlab.viewer.page import page
from tests.report.browser import found

READY = 'document.documentElement.dataset.viewer === "ready"'
HAPPENED = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
"""What a page that is as it should be never does."""
needed = pytest.mark.skipif(
    found() is None, reason="no Chromium found; install one or name it in GRADLAB_BROWSER"
)


def written(run, file, **settings):
    """The page of a run, in a file."""
    file.write_bytes(page(run, **settings))
    return file

"""One driver for the tests of this folder, and what runs that nothing disturbs leave behind."""

import sys

import pytest

from tests.faults.calling import SWEEP, TRAINING, Driver, digests

COMMANDS = {"sweep": SWEEP, "training": TRAINING}


def pytest_collection_modifyitems(items):
    if not sys.platform.startswith("linux"):
        for item in items:
            if "faults" in item.path.parts:
                item.add_marker(pytest.mark.skip("needs /proc and fork"))


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    made = Driver(tmp_path_factory.mktemp("driver"))
    yield made
    made.close()


@pytest.fixture(scope="session", params=["sweep", pytest.param("training", marks=pytest.mark.slow)])
def whole(request, driver, tmp_path_factory):
    """A command, and the digests of the files it leaves when nothing disturbs it."""
    words, out = COMMANDS[request.param], tmp_path_factory.mktemp(request.param)
    ended = driver.run(out, words)
    assert (ended.code, ended.err) == (0, "")
    assert len(ended.computed) == len(set(ended.computed)) > 1
    return words, digests(out), ended

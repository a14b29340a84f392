"""What a run leaves that nobody disturbs."""

import pytest

from tests.engines.calling import SWEEP, files, gradlab


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The files of the sweep, of one process."""
    place = tmp_path_factory.mktemp("whole")
    assert gradlab("sweep", *SWEEP, "--out", place, "--name", "run").returncode == 0
    return files(place / "run")

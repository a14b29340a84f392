"""Runs as they are received, one of each study; a test copies what it breaks."""

import pytest

from tests.received import made


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    place = tmp_path_factory.mktemp("kept")
    return {kind: getattr(made, kind)(place / kind) for kind in ("sweep", "remedies", "measure", "neurons")}

"""Runs as they are received, one of each study, and of a model as a whole; a test copies what it breaks."""

import pytest

from tests.received import made


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    place = tmp_path_factory.mktemp("kept")
    kinds = ("sweep", "remedies", "measure", "reached", "neurons")
    return {kind: getattr(made, kind)(place / kind) for kind in kinds}

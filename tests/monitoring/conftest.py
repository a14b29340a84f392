"""A training in which something is lost."""

import pytest

from tests.monitoring import trainings
from tests.monitoring.trainings import said_by, watched


@pytest.fixture(scope="session")
def lost(tmp_path_factory):
    """A NaN is born in the backward pass at step 17 of one sequence of the batch of update 4."""
    folder = tmp_path_factory.mktemp("trained") / "mine"
    monitor = watched(folder)
    said = said_by(lambda: trainings.trained(monitor, 7, column=1, at=4))
    return monitor, said

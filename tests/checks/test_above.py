import math

import pytest

from gradlab.checks.above import above
from tests.checks.made import point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(1.1, 2.0, "passed"), (1.0, 2.0, "cannot judge"), (0.2, 1.0, "failed"), (math.inf, math.inf, "passed")],
)
def test_the_interval_decides(low, high, status):
    assert above(samples(point(1.5, low, high)), {}, 1.0).status == status

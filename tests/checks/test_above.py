import math

import pytest

from gradlab.checks.above import above
from tests.checks.made import few, point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(1.1, 2.0, "passed"), (1.0, 2.0, "inconclusive"), (0.2, 1.0, "failed"), (math.inf, math.inf, "passed")],
)
def test_the_interval_decides(low, high, status):
    assert above(samples(point(1.5, low, high)), {}, 1.0).status == status


@pytest.mark.parametrize(
    ("seeds", "status"), [(1, "inconclusive"), (2, "inconclusive"), (4, "inconclusive"), (5, "passed")]
)
def test_the_end_that_decides_may_miss_in_one_of_twenty_runs(seeds, status):
    """Of a median: all n values lie above it in 2^-n of all runs."""
    verdict = above(samples(few(seeds, 1.5, 1.4, 1.6)), {}, 1.0)
    assert verdict.status == status
    assert ("seeds" in verdict.why) == (status != "passed")
    other = above(samples(few(seeds, 0.5, 0.4, 0.6)), {}, 1.0)
    assert other.status == ("failed" if status == "passed" else status)

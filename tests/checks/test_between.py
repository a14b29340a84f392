import pytest

from gradlab.checks.between import between
from tests.checks.made import few, point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(1.0, 2.0, "passed"), (0.9, 1.5, "inconclusive"), (2.1, 3.0, "failed"), (0.0, 0.9, "failed")],
)
def test_the_interval_decides(low, high, status):
    assert between(samples(point(1.5, low, high)), {}, (1.0, 2.0)).status == status


@pytest.mark.parametrize(
    ("seeds", "inside", "outside"),
    [(4, "inconclusive", "inconclusive"), (5, "passed", "inconclusive"), (6, "passed", "failed")],
)
def test_it_holds_by_one_end_at_a_time_and_fails_by_either(seeds, inside, outside):
    assert between(samples(few(seeds, 1.5, 1.4, 1.6)), {}, (1.0, 2.0)).status == inside
    assert between(samples(few(seeds, 2.5, 2.4, 2.6)), {}, (1.0, 2.0)).status == outside

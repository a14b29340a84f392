import math

import pytest

from gradlab.checks.below import below
from tests.checks.made import few, lost, point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(0.5, 0.9, "passed"), (0.5, 1.0, "inconclusive"), (1.0, 1.2, "failed"), (0.9, math.inf, "inconclusive")],
)
def test_the_interval_decides(low, high, status):
    assert below(samples(point(0.95, low, high)), {}, 1.0).status == status


def test_the_worst_point_decides():
    both = samples(point(0.1, cell="a"), point(3.0, cell="b"), point(0.2, cell="c"))
    verdict = below(both, {}, 1.0)
    assert verdict.status == "failed"
    assert verdict.at.where == {"cell": "b"}
    assert below(both, {"cell": "a"}, 1.0).status == "passed"


def test_a_state_comes_before_a_value():
    assert below(samples(lost(cell="a")), {}, 1.0).status == "failed"


def test_a_single_seed_passes_nothing():
    verdict = below(samples(few(1, 0.5, 0.5, 0.5)), {}, 1.0)
    assert verdict.status == "inconclusive"
    assert "needs an interval" in verdict.why

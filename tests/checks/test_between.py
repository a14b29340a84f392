import pytest

from gradlab.checks.between import between
from tests.checks.made import point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(1.0, 2.0, "passed"), (0.9, 1.5, "cannot judge"), (2.1, 3.0, "failed"), (0.0, 0.9, "failed")],
)
def test_the_interval_decides(low, high, status):
    assert between(samples(point(1.5, low, high)), {}, (1.0, 2.0)).status == status

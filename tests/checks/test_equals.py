import pytest

from gradlab.checks.equals import equals
from tests.checks.made import point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(0.99, 1.01, "passed"), (0.9, 1.01, "cannot judge"), (1.2, 1.3, "failed"), (0.5, 0.8, "failed")],
)
def test_the_interval_decides(low, high, status):
    assert equals(samples(point(1.0, low, high)), {}, 1.0, within=0.1 - 1e-9).status == status


def test_a_word_is_equal_or_not():
    word = samples(point(float("nan"), word="VANISH"))
    assert equals(word, {}, "VANISH").status == "passed"
    assert equals(word, {}, "EXPLODE").status == "failed"

import pytest

from gradlab.checks.equals import equals
from tests.checks.made import few, point, samples


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(0.99, 1.01, "passed"), (0.9, 1.01, "inconclusive"), (1.2, 1.3, "failed"), (0.5, 0.8, "failed")],
)
def test_the_interval_decides(low, high, status):
    assert equals(samples(point(1.0, low, high)), {}, 1.0, within=0.1 - 1e-9).status == status


def test_a_word_is_equal_or_not():
    word = samples(point(float("nan"), word="VANISH"))
    assert equals(word, {}, "VANISH").status == "passed"
    assert equals(word, {}, "EXPLODE").status == "failed"


def test_few_seeds_pass_neither_a_number_nor_a_word():
    assert equals(samples(few(3, 5.0, 5.0, 5.0)), {}, 5.0).status == "inconclusive"
    assert equals(samples(few(5, 5.0, 5.0, 5.0)), {}, 5.0).status == "passed"
    for word, wanted in (("UNDECIDED", "STABLE"), ("UNDECIDED", "UNDECIDED"), ("NONFINITE", "NONFINITE")):
        one = samples(point(float("nan"), seeds=1, word=word, level=float("nan")))
        assert equals(one, {}, wanted).status == "inconclusive"
    undecided = samples(point(float("nan"), seeds=20, word="UNDECIDED"))
    assert equals(undecided, {}, "STABLE").status == "inconclusive"


def test_a_state_fails_whatever_word_was_claimed():
    one = samples(point(float("nan"), seeds=1, word="NONFINITE", level=float("nan")))
    assert equals(one, {}, "VANISH").status == "failed"


def test_one_given_network_is_judged_by_its_numbers():
    assert equals(samples(point(5.0, seeds=1, level=1)), {}, 5.0).status == "passed"
    assert (
        equals(samples(point(float("nan"), seeds=1, word="VANISH", level=1)), {}, "VANISH").status == "passed"
    )

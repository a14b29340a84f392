import math

import pytest

from gradlab.checks.greater_than import greater_than
from tests.checks.made import lost, median, point, samples, share


@pytest.mark.parametrize(
    ("here", "there", "seeds", "status"),
    [
        ((1.0, 1.2), (0.1, 0.9), 5, "passed"),
        ((1.0, 1.2), (0.1, 1.0), 5, "inconclusive"),
        ((0.1, 0.4), (0.5, 0.9), 5, "failed"),
        ((1.0, 1.0), (1.0, 1.0), 5, "failed"),
        ((1.0, 1.2), (0.1, 0.9), 2, "inconclusive"),
        ((0.1, 0.4), (0.5, 0.9), 2, "inconclusive"),
        ((math.inf, math.inf), (0.5, 0.9), 3, "passed"),
    ],
)
def test_intervals_must_be_apart_and_rest_on_enough_seeds(here, there, seeds, status):
    both = samples(point(0.5, *here, seeds, arm="a"), point(0.5, *there, seeds, arm="b"))
    assert greater_than(both, {"arm": "a"}, {"arm": "b"}).status == status


def test_each_point_meets_its_counterpart():
    points = [point(T + (arm == "a"), arm=arm, T=T) for arm in "ab" for T in (10.0, 20.0)]
    assert greater_than(samples(*points), {"arm": "a"}, {"arm": "b"}).status == "passed"
    assert greater_than(samples(*points), {"arm": "b"}, {"T": 10.0}).status == "passed"


def test_a_lost_value_on_either_side_fails():
    both = samples(point(1.0, arm="a"), lost(arm="b"))
    assert greater_than(both, {"arm": "a"}, {"arm": "b"}).status == "failed"
    assert greater_than(both, {"arm": "b"}, {"arm": "a"}).status == "failed"


@pytest.mark.parametrize(
    ("here", "there", "status", "why"),
    [
        # Fisher's p: 0.0079, 0.048, 0.17, 0.029 and 0.1.
        ((5, 5), (0, 5), "passed", "Fisher's exact test at 5 %"),
        ((1, 5), (5, 5), "failed", "Fisher's exact test at 5 %"),
        ((5, 5), (2, 5), "inconclusive", "not told apart (Fisher's exact test at 5 %)"),
        ((4, 4), (0, 4), "passed", "Fisher's exact test at 5 %"),
        ((3, 3), (0, 3), "inconclusive", "too few seeds to compare (3, at least 4)"),
        ((5, 5), (5, 5), "inconclusive", "not told apart"),
    ],
)
def test_shares_are_compared_by_fishers_test(here, there, status, why):
    verdict = greater_than(samples(share(*here, arm="a"), share(*there, arm="b")), {"arm": "a"}, {"arm": "b"})
    assert verdict.status == status
    assert why in verdict.why


NEVER = (math.inf,) * 6


@pytest.mark.parametrize(
    ("here", "there", "status", "why"),
    [
        # Of the splits of ten ranks 2 of 252 are as far apart, then 42 of 252.
        ((6, 7, 8, 9, math.inf), (1, 2, 3, 4, 5), "passed", "Mann-Whitney test at 5 %"),
        ((1, 2, 3, 4, 5), (6, 7, 8, 9, 10), "failed", "Mann-Whitney test at 5 %"),
        ((1, 4, 6, 9, 10), (2, 3, 5, 7, 8), "inconclusive", "not told apart (Mann-Whitney test at 5 %)"),
        ((7, 8, 9), (1, 2, 3), "inconclusive", "too few seeds to compare (3, at least 4)"),
        (NEVER, NEVER, "failed", "against never"),
    ],
)
def test_medians_are_compared_by_ranks(here, there, status, why):
    both = samples(median(*here, arm="a"), median(*there, arm="b"))
    verdict = greater_than(both, {"arm": "a"}, {"arm": "b"})
    assert verdict.status == status
    assert why in verdict.why


def test_two_given_networks_are_compared_by_their_numbers():
    both = samples(point(2.0, seeds=1, level=1, arm="a"), point(1.0, seeds=1, level=1, arm="b"))
    assert greater_than(both, {"arm": "a"}, {"arm": "b"}).status == "passed"

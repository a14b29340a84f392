import math

import pytest

from gradlab.checks.greater_than import greater_than
from tests.checks.made import few, lost, point, samples


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


@pytest.mark.parametrize(("seeds", "status"), [(3, "inconclusive"), (5, "inconclusive"), (6, "passed")])
def test_the_ends_of_two_medians_miss_more_often_than_that_of_one(seeds, status):
    both = samples(few(seeds, 2.0, 1.9, 2.1, arm="a"), few(seeds, 1.0, 0.9, 1.1, arm="b"))
    verdict = greater_than(both, {"arm": "a"}, {"arm": "b"})
    assert verdict.status == status
    assert ("too few seeds" in verdict.why) == (status != "passed")


def test_two_given_networks_are_compared_by_their_numbers():
    both = samples(point(2.0, seeds=1, level=1, arm="a"), point(1.0, seeds=1, level=1, arm="b"))
    assert greater_than(both, {"arm": "a"}, {"arm": "b"}).status == "passed"

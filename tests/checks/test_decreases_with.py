import math

from gradlab.checks.decreases_with import decreases_with
from tests.checks.made import line, point, samples


def test_a_fall_holds_and_a_rise_fails():
    assert decreases_with(line(0.5, 0.5, 0.1), {}, "w_rec").status == "passed"
    assert decreases_with(line(0.1, 0.5), {}, "w_rec").status == "failed"


def test_never_is_more_than_any_number():
    there = samples(point(math.inf, T=10.0), point(40.0, 30.0, 50.0, T=20.0))
    assert decreases_with(there, {}, "T").status == "passed"

from gradlab.checks.increases_with import increases_with
from tests.checks.made import line, lost, point, samples


def test_a_rise_holds_and_noise_on_the_way_does_no_harm():
    assert increases_with(line(0.0, 0.1, 0.095, 0.3), {}, "w_rec").status == "passed"


def test_a_clear_step_down_fails_though_the_end_is_higher():
    verdict = increases_with(line(0.0, 0.5, 0.2, 0.9), {}, "w_rec")
    assert verdict.status == "failed"
    assert verdict.at.where == {"w_rec": 3.0}


def test_a_fall_fails():
    assert increases_with(line(0.5, 0.4, 0.1), {}, "w_rec").status == "failed"


def test_no_difference_cannot_be_judged_but_none_at_all_fails():
    assert increases_with(line(0.0, 0.005), {}, "w_rec").status == "inconclusive"
    assert increases_with(line(0.0, 0.0, spread=0.0), {}, "w_rec").status == "failed"


def test_too_few_seeds_or_points_cannot_be_judged():
    verdict = increases_with(line(0.0, 1.0, seeds=2), {}, "w_rec")
    assert verdict.status == "inconclusive"
    assert "too few seeds" in verdict.why
    assert increases_with(line(1.0), {}, "w_rec").status == "inconclusive"


def test_every_setting_of_the_other_axes_counts_and_order_is_that_of_the_numbers():
    points = [point(w, cell=cell, w_rec=w) for cell in "ab" for w in (3.0, 1.0, 2.0)]
    assert increases_with(samples(*points), {}, "w_rec").status == "passed"
    points[-1] = point(9.0, cell="b", w_rec=2.0)
    assert increases_with(samples(*points), {}, "w_rec").status == "failed"
    assert increases_with(samples(*points), {"cell": "a"}, "w_rec").status == "passed"


def test_a_lost_point_fails():
    assert increases_with(samples(point(0.0, w_rec=1.0), lost(w_rec=2.0)), {}, "w_rec").status == "failed"

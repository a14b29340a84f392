"""What is read off one profile, against profiles of which it is known."""

import numpy as np
import pytest
from scipy import stats

from gradlab import profiles, states
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, NOT_COMPUTED, OK, UNDEFINED


def profile(values, codes=None):
    values = np.asarray(values, float)
    codes = np.where(np.isnan(values), UNDEFINED, OK) if codes is None else np.asarray(codes)
    return values, codes.astype(np.int8)


def half_life(*values):
    return profiles.fall(*values, profiles.HALF)


def soft_horizon(*values):
    return profiles.fall(*values, profiles.SOFT)


def only(metric):
    assert metric.value.shape == metric.state.shape == ()
    return float(metric.value), states.STATES[int(metric.state)]


@pytest.mark.parametrize("slope", [-150.0, -0.3, -1e-9, 0.0, 2e-4, 12.5])
@pytest.mark.parametrize("T", [1, 2, 200, 201, 5000])
def test_rate_of_a_straight_line_is_its_slope(slope, T):
    value, state = only(profiles.rate(*profile(slope * np.arange(T + 1) + 7)))
    assert state == "ok"
    assert value == pytest.approx(slope, rel=1e-12, abs=1e-12)


def test_rate_is_the_theil_sen_slope():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(3, 4, 60)).cumsum(-1)
    y[..., 30] += 1e6
    found = profiles.rate(*profile(y)).value
    for at in np.ndindex(3, 4):
        assert found[at] == pytest.approx(stats.theilslopes(y[at], np.arange(60))[0], rel=1e-12)


def test_rate_leaves_out_lags_that_are_not_ok():
    y = -0.25 * np.arange(12.0)
    codes = np.zeros(12, int)
    codes[[3, 9, 10, 11]] = EXACT_ZERO
    assert only(profiles.rate(*profile(np.where(codes == 0, y, np.nan), codes)))[0] == pytest.approx(-0.25)
    codes[1:] = EXACT_ZERO
    value, state = only(profiles.rate(*profile(np.where(codes == 0, y, np.nan), codes)))
    assert np.isnan(value)
    assert state == "undefined"


def test_horizons_of_a_straight_fall_lie_where_the_line_does():
    values = profile(3 - 0.01 * np.arange(2001))
    assert only(half_life(*values)) == (pytest.approx(np.log10(2) / 0.01), "ok")
    assert only(soft_horizon(*values)) == (pytest.approx(300), "ok")
    assert only(soft_horizon(*profile(-0.01 * np.arange(300))))[1] == "undefined"
    assert only(half_life(*profile(0.01 * np.arange(300))))[1] == "undefined"


def test_an_exact_zero_is_a_fall_and_ends_the_hard_horizon():
    codes = [OK] * 4 + [EXACT_ZERO] * 3 + [UNDEFINED] * 2
    values = profile([0.0, 0.1, 0.1, 0.1] + [np.nan] * 5, codes)
    assert only(half_life(*values)) == (4.0, "ok")
    assert only(soft_horizon(*values)) == (4.0, "ok")
    assert only(profiles.hard_horizon(values[1])) == (3.0, "ok")


def test_hard_horizon_needs_zeros_up_to_the_far_end():
    assert only(profiles.hard_horizon(np.array([OK, EXACT_ZERO, OK], np.int8)))[1] == "undefined"
    assert only(profiles.hard_horizon(np.array([OK, OK, UNDEFINED], np.int8)))[1] == "undefined"
    assert only(profiles.hard_horizon(np.array([OK, EXACT_ZERO, EXACT_ZERO], np.int8))) == (0.0, "ok")


def test_a_norm_that_is_not_known_leaves_the_hard_horizon_open():
    """What rounding hides beyond the last norm may be no zero, whatever comes after it."""
    for hidden, said in ((BELOW_PRECISION, "undefined"), (NOT_COMPUTED, "not_computed")):
        assert only(profiles.hard_horizon(np.array([OK, hidden, EXACT_ZERO], np.int8)))[1] == said


def test_a_broken_forward_pass_breaks_every_metric():
    values = profile(np.full(5, np.nan), [FORWARD_NONFINITE] * 5)
    for metric in (profiles.rate, half_life, soft_horizon):
        value, state = only(metric(*values))
        assert np.isnan(value)
        assert state == "forward_nonfinite"
    assert only(profiles.hard_horizon(values[1]))[1] == "forward_nonfinite"


def test_mean_over_seeds_skips_what_is_not_ok():
    values, codes = profile([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    np.testing.assert_array_equal(profiles.mean_ok(values, codes), [2.0, 5.0, np.nan])

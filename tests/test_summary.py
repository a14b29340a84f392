"""What seeds say together."""

import numpy as np
import pytest
from scipy import stats

from gradlab import summary
from tests import samples


def test_interval_is_the_t_interval():
    x = np.array([0.3, -0.1, 0.25, 0.4, np.nan])
    low, high = stats.t.interval(0.95, 3, np.nanmean(x), stats.sem(x[:4]))
    assert summary.interval(x) == pytest.approx((np.nanmean(x), low, high))


def test_one_seed_has_no_interval_and_none_has_no_mean():
    assert summary.interval([0.5])[0] == 0.5
    assert np.isnan(summary.interval([0.5])[1:]).all()
    assert np.isnan(summary.interval([np.nan])).all()


NAN = float("nan")


@pytest.mark.parametrize(
    ("rate", "T", "word"),
    [
        ((-0.01, -0.02, -0.004), 100, "VANISH"),
        ((-0.01, -0.02, -0.002), 100, "STABLE"),
        ((0.0, -1e-9, 1e-9), 10**6, "STABLE"),
        ((0.01, 0.004, 0.02), 100, "EXPLODE"),
        ((0.01, 0.002, 0.02), 100, "STABLE"),
        ((-0.01, NAN, NAN), 100, "VANISH"),
        ((0.002, NAN, NAN), 100, "STABLE"),
        ((0.01, NAN, NAN), 100, "EXPLODE"),
        ((NAN, NAN, NAN), 100, "UNDEFINED"),
    ],
)
def test_regime_needs_a_factor_two_over_the_sequence_for_sure(rate, T, word):
    assert summary.regime(*rate, T) == word


def test_trajectory_dependence_needs_a_state_in_the_jacobian():
    assert summary.trajectory_dependent(0.01, 0.005, 100, linear=False)
    assert not summary.trajectory_dependent(0.01, 0.005, 100, linear=True)
    assert not summary.trajectory_dependent(0.01, 0.002, 100, linear=False)
    assert summary.trajectory_dependent(0.01, NAN, 100, linear=False)
    assert not summary.trajectory_dependent(NAN, NAN, 100, linear=False)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([-2.0, -1.0, 1.0, 2.0], 2.5),
        ([-3.0, -1.0, 0.0, 2.0], 3.0),
        ([-1.0, 0.0, 0.0, 1.0], 2.5),
        ([NAN, -1.0, 3.0, NAN], 2.25),
        ([-1.0, -1.0, -1.0, NAN], NAN),
        ([0.0, 0.0, 0.0, 0.0], NAN),
        ([0.0, 1.0, 2.0, 3.0], NAN),
    ],
)
def test_border_is_where_the_rate_changes_sign(rates, expected):
    w_rec = np.array([1.0, 2.0, 3.0, 4.0])
    assert summary.border(w_rec, rates) == pytest.approx(expected, nan_ok=True)
    assert summary.border(w_rec[::-1], rates[::-1]) == pytest.approx(expected, nan_ok=True)


def test_median_counts_a_horizon_not_reached_as_beyond_the_sequence():
    def metric(values, codes):
        return summary.Metric(np.array(values), np.array(codes, np.int8))

    assert summary.median(metric([3.0, 5.0, NAN], [0, 0, 3])) == 5.0
    assert np.isnan(summary.median(metric([3.0, NAN, NAN], [0, 3, 3])))
    assert summary.median(metric([3.0, 5.0, NAN], [0, 0, 2])) == 4.0
    assert np.isnan(summary.median(metric([NAN], [2])))


def test_groups_of_a_linear_cell_follow_the_law():
    rows = summary.groups(samples.norms(("elman(activation=identity)",), (0.5, 1.0, 1.5), (20, 50)))
    assert [row.w_rec for row in rows] == [0.5, 1.0, 1.5]
    assert {row.T for row in rows} == {50}
    assert [row.regime for row in rows] == ["VANISH", "STABLE", "EXPLODE"]
    np.testing.assert_allclose([row.rate for row in rows], np.log10([0.5, 1.0, 1.5]), atol=1e-12)
    assert not any(row.trajectory_dependent for row in rows)
    assert all(len(row.profile) == 51 for row in rows)


def test_a_forward_pass_that_overflows_is_named_with_its_step():
    norms = samples.norms(("elman(activation=identity)",), (0.9, 1.9), (200,), seeds=2, nonfinite_above=1.5)
    rows = summary.groups(norms)
    assert [row.regime for row in rows] == ["VANISH", "NONFINITE"]
    assert (rows[1].nonfinite, rows[1].nonfinite_step) == (2, 54)
    assert "overflows in 2 of 2 seeds, first at step 54" in summary.verdict(norms).splitlines()[1]


def test_a_transport_of_exact_zeros_vanishes():
    (row,) = summary.groups(samples.norms(w_rec=(0.0,), T=(30,)))
    assert np.isnan(row.rate)
    assert (row.regime, row.hard_horizon, row.half_life) == ("VANISH", 0.0, 1.0)


def test_verdict_says_the_numbers():
    text = summary.verdict(samples.norms(("elman(activation=identity)",), (0.5,), (200,), seeds=3))
    assert text.startswith("elman(activation=identity) at w_rec = 0.5, T = 200 (3 seeds): VANISH;")
    for words in (
        "-0.301 decades",
        "95 % interval",
        "halves within 1 steps",
        "10^3 within 9.97",
        "lags 0 to 4",
    ):
        assert words in text
    assert "healthy" not in text
    assert "\n" not in text


def test_verdict_names_what_one_seed_cannot_say_and_chaos():
    text = summary.verdict(samples.norms(w_rec=(3.0,), T=(200,), seeds=1, noise=0.0, inits=("a", "b")))
    assert "elman (a) at w_rec = 3" in text
    assert "1 seed, so no interval" in text
    assert "chaotic" in text
    assert "interval -" not in text

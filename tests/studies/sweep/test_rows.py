"""What seeds say together."""

import math

import numpy as np
import pytest
from scipy import stats

from gradlab.metrics import every, named
from gradlab.studies.sweep import rows as sweep_rows
from gradlab.studies.sweep import sentences
from tests import samples

NAN = float("nan")


LIMIT = math.log10(2) / 100
"""Of the band at T = 100, in decades per step."""


def about(middle, half, level):
    """Three rates whose t-interval at a level is middle -+ half."""
    return middle + half * np.array([-1, 0, 1]) / (stats.t.ppf((1 + level) / 2, 2) / math.sqrt(3))


@pytest.mark.parametrize(
    ("rates", "word"),
    [
        (about(-0.01, 0.99 * (0.01 - LIMIT), 0.95), "VANISH"),
        (about(-0.01, 1.01 * (0.01 - LIMIT), 0.95), "UNDECIDED"),
        (about(0.01, 0.99 * (0.01 - LIMIT), 0.95), "EXPLODE"),
        (about(0.01, 1.01 * (0.01 - LIMIT), 0.95), "UNDECIDED"),
        (about(0.001, 0.99 * (LIMIT - 0.001), 0.90), "STABLE"),
        (about(0.001, 1.01 * (LIMIT - 0.001), 0.90), "UNDECIDED"),
        (about(-0.001, 1.01 * (LIMIT - 0.001), 0.90), "UNDECIDED"),
        ([0.0, 0.0], "STABLE"),
        ([-0.5, -0.5], "VANISH"),
        ([0.0], "UNDECIDED"),
        ([-0.5, NAN], "UNDECIDED"),
        ([NAN, NAN], "UNDEFINED"),
    ],
)
def test_a_regime_is_shown_and_never_left_over(rates, word):
    assert sweep_rows.regime(rates, 100) == word


@pytest.mark.parametrize(
    ("rate", "word"),
    [(-0.01, "VANISH"), (0.01, "EXPLODE"), (0.99 * LIMIT, "STABLE"), (-LIMIT, "STABLE"), (NAN, "UNDEFINED")],
)
def test_one_given_network_is_judged_by_its_rate(rate, word):
    assert sweep_rows.regime([rate], 100, given=True) == word


def test_several_sequences_of_a_given_network_spread():
    assert sweep_rows.regime([-0.1, 0.1], 100, given=True) == "UNDECIDED"


def share_called(word, rates, T=100):
    return np.mean([sweep_rows.regime(row, T) == word for row in rates])


@pytest.mark.ends
@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("decades", [1, 5, 10])
@pytest.mark.parametrize("skew", [-1, 0, 1])
def test_networks_that_lose_3_7_decades_are_not_called_stable(n, decades, skew):
    """As relu networks do: measured at N = 32 and T = 100, they scatter by 5 decades, skewed by 0.5."""
    rng = np.random.default_rng(n)
    noise = skew * (rng.gamma(4, size=(400, n)) - 4) / 2 if skew else rng.standard_normal((400, n))
    assert share_called("STABLE", (decades * noise - 3.7) / 100) <= 0.05


@pytest.mark.ends
@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("spread", [0.01, 0.3, 1])
def test_a_factor_two_is_called_stable_in_one_of_twenty_runs_at_most(n, spread):
    """At the edge of the band, where the two one-sided tests err most often; beyond, the same for VANISH."""
    noise = LIMIT * spread * np.random.default_rng(n).standard_normal((1500, n))
    assert share_called("STABLE", noise - LIMIT) <= 0.05 + 0.018
    assert share_called("VANISH", noise - LIMIT) <= 0.025 + 0.013


@pytest.mark.parametrize("n", [5, 10, 20])
def test_flat_rates_are_called_stable_once_seeds_suffice(n):
    rates = 0.4 * LIMIT * np.random.default_rng(0).standard_normal((300, n))
    assert share_called("STABLE", rates) >= {5: 0.7, 10: 0.99, 20: 1.0}[n]
    assert share_called("STABLE", rates[:, :1]) == 0


def test_chaos_is_a_matter_of_each_network():
    rates = [2 * LIMIT, 0.5 * LIMIT, -1.0, NAN]
    assert sweep_rows.trajectory_dependent(rates, 100, linear=False).tolist() == [True, False, False, False]
    assert not sweep_rows.trajectory_dependent(rates, 100, linear=True).any()


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
    assert sweep_rows.border(w_rec, rates) == pytest.approx(expected, nan_ok=True)
    assert sweep_rows.border(w_rec[::-1], rates[::-1]) == pytest.approx(expected, nan_ok=True)


def test_median_counts_a_horizon_not_reached_as_beyond_the_sequence():
    def metric(values, codes):
        return sweep_rows.Measured(np.array(values), np.array(codes, np.int8))

    def median(found):
        return sweep_rows.pooled(named("soft_horizon"), found)

    assert median(metric([3.0, 5.0, NAN], [0, 0, 3])) == 5.0
    assert np.isnan(median(metric([3.0, NAN, NAN], [0, 3, 3])))
    assert median(metric([3.0, 5.0, NAN], [0, 0, 2])) == 4.0
    assert np.isnan(median(metric([NAN], [2])))
    assert sweep_rows.pooled(named("rate"), metric([3.0, 6.0, 9.0, NAN], [0, 0, 0, 3])) == 6.0
    # Of a credit horizon nothing is known where it is undefined: that is no large value.
    credit = named("credit_horizon")
    assert sweep_rows.pooled(credit, metric([3.0, 6.0, 9.0, NAN], [0, 0, 0, 3])) == 6.0
    assert np.isnan(sweep_rows.pooled(credit, metric([3.0, NAN, NAN], [0, 3, 3])))


def test_groups_of_a_linear_cell_follow_the_law():
    rows = sweep_rows.groups(samples.norms(("elman(activation=identity)",), (0.5, 1.0, 1.5), (20, 50)))
    assert [row.w_rec for row in rows] == [0.5, 1.0, 1.5]
    assert {row.T for row in rows} == {50}
    assert [row.regime for row in rows] == ["VANISH", "STABLE", "EXPLODE"]
    np.testing.assert_allclose([row.rate for row in rows], np.log10([0.5, 1.0, 1.5]), atol=1e-12)
    assert not any(row.trajectory_dependent for row in rows)
    assert all(len(row.profile) == 51 for row in rows)


def test_a_forward_pass_that_overflows_is_named_with_its_step():
    norms = samples.norms(("elman(activation=identity)",), (0.9, 1.9), (200,), seeds=2, nonfinite_above=1.5)
    rows = sweep_rows.groups(norms)
    assert [row.regime for row in rows] == ["VANISH", "NONFINITE"]
    assert (rows[1].nonfinite, rows[1].nonfinite_step) == (2, 54)
    assert "overflows in 2 of 2 seeds, first at step 54" in sentences.verdict(norms).splitlines()[1]


def test_a_transport_of_exact_zeros_vanishes():
    (row,) = sweep_rows.groups(samples.norms(w_rec=(0.0,), T=(30,)))
    assert np.isnan(row.rate)
    assert (row.regime, row.values["hard_horizon"], row.values["half_life"]) == ("VANISH", 0.0, 1.0)


def test_verdict_says_the_numbers():
    text = sentences.verdict(samples.norms(("elman(activation=identity)",), (0.5,), (200,), seeds=3))
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
    text = sentences.verdict(samples.norms(w_rec=(3.0,), T=(200,), seeds=1, noise=0.0, inits=("a", "b")))
    assert "elman (a) at w_rec = 3" in text
    assert "(1 seed, so no interval): UNDECIDED;" in text
    assert "chaotic: these numbers hold for this trajectory only" in text
    assert "interval -" not in text


def test_verdict_of_one_given_network_speaks_of_this_network():
    norms = samples.norms(w_rec=(0.5,), T=(50,), seeds=1, noise=0.0).assign_attrs(networks="given")
    text = sentences.verdict(norms)
    assert text.startswith("elman, this network, T = 50: VANISH; the transport changes by")
    for word in ("seed", "interval", "UNDECIDED"):
        assert word not in text


def one_group(rates, hard=None, states=None, back=None, T=100, linear=False, given=False):
    """Networks with given rates; `hard` are their hard horizons, `back` the steps of a broken derivative."""
    rates = np.array(rates, float)
    none = np.full(len(rates), NAN)

    def metric(values):
        return sweep_rows.Measured(values, np.where(np.isnan(values), 3, 0).astype(np.int8))

    seeds = {one.name: metric(none) for one in every()}
    seeds["backward_nonfinite_step"] = metric(none if back is None else np.array(back, float))
    seeds["rate"] = metric(rates) if states is None else sweep_rows.Measured(rates, np.array(states, np.int8))
    seeds["hard_horizon"] = metric(none if hard is None else np.array(hard, float))
    return sweep_rows.group(("elman", "a", 0.9, T), seeds, np.zeros(T + 1), linear, given=given)


def test_a_chaotic_network_does_not_hide_in_a_mean_that_vanishes():
    row = one_group([-0.5] * 8 + [2 * LIMIT, 3 * LIMIT])
    assert (row.regime, row.chaotic, row.trajectory_dependent) == ("VANISH", 2, True)
    assert "; 2 of 10 seeds are chaotic: their numbers" in sentences._sentence(row, several_inits=False)
    assert one_group([-0.5] * 8 + [2 * LIMIT, 3 * LIMIT], linear=True).chaotic == 0


@pytest.mark.parametrize(
    ("rates", "hard", "word"),
    [
        ([0.0, 0.0, 0.0], [5, 5, 5], "VANISH"),
        ([0.0, 0.0, 0.0], [NAN, NAN, 5], "UNDECIDED"),
        ([0.0, 0.0, NAN], [NAN, NAN, 0], "UNDECIDED"),
        ([-0.5, -0.5, NAN], [NAN, NAN, 0], "VANISH"),
        ([-0.5, -0.5, NAN], [NAN, NAN, NAN], "UNDECIDED"),
        ([0.5, 0.5, NAN], [NAN, NAN, 0], "UNDECIDED"),
        ([NAN, NAN], [0, 0], "VANISH"),
        ([NAN], [0], "UNDECIDED"),
        ([NAN, NAN], [NAN, NAN], "UNDEFINED"),
    ],
)
def test_networks_that_have_a_rate_do_not_speak_for_those_that_have_none(rates, hard, word):
    assert one_group(rates, hard).regime == word


@pytest.mark.parametrize(("rate", "word"), [(0.0, "VANISH"), (NAN, "VANISH"), (0.5, "EXPLODE")])
def test_a_given_network_that_is_exactly_zero_at_the_end_is_not_stable(rate, word):
    assert one_group([rate], [7], given=True).regime == word


def test_a_rate_of_some_says_of_how_many():
    text = sentences._sentence(one_group([-0.5, -0.5, NAN]), several_inits=False)
    assert "in the 2 of 3 seeds that have a rate" in text


def test_a_backward_pass_that_is_not_finite_is_no_overflow_of_the_forward_pass():
    row = one_group([-0.1, NAN], states=[0, 5], back=[NAN, 98])
    assert (row.regime, row.nonfinite, row.backward_nonfinite) == ("NONFINITE", 0, 1)
    text = sentences._sentence(row, several_inits=False)
    assert "the forward pass is finite and its derivative is not in 1 of 2 seeds" in text
    assert "going back, first at step 98; over lags 0 to 2 the transport changes by -0.1 decades" in text


def test_the_rate_of_the_lags_that_are_left_does_not_make_a_regime():
    row = one_group([-0.1, -0.1], back=[NAN, 40])
    assert (row.regime, row.nonfinite, row.backward_nonfinite, row.backward_step) == ("NONFINITE", 0, 1, 40)

"""What seeds say together."""

import math

import numpy as np
import pytest

from gradlab.metrics import every, named
from gradlab.studies.sweep import rows as sweep_rows
from gradlab.studies.sweep import sentences
from tests import samples

NAN = float("nan")
LIMIT = math.log10(2) / 100
"""Of the band at T = 100, in decades per step."""


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

"""A regime is shown, and the border is where the rate changes sign."""

import math

import numpy as np
import pytest
from scipy import stats

from gradlab.studies.sweep.regimes import border, regime, trajectory_dependent

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
    assert regime(rates, 100) == word


@pytest.mark.parametrize(
    ("rate", "word"),
    [(-0.01, "VANISH"), (0.01, "EXPLODE"), (0.99 * LIMIT, "STABLE"), (-LIMIT, "STABLE"), (NAN, "UNDEFINED")],
)
def test_one_given_network_is_judged_by_its_rate(rate, word):
    assert regime([rate], 100, given=True) == word


def test_several_sequences_of_a_given_network_spread():
    assert regime([-0.1, 0.1], 100, given=True) == "UNDECIDED"


def share_called(word, rates, T=100):
    return np.mean([regime(row, T) == word for row in rates])


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
    assert trajectory_dependent(rates, 100, linear=False).tolist() == [True, False, False, False]
    assert not trajectory_dependent(rates, 100, linear=True).any()


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
    assert border(w_rec, rates) == pytest.approx(expected, nan_ok=True)
    assert border(w_rec[::-1], rates[::-1]) == pytest.approx(expected, nan_ok=True)

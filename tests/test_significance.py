"""Tests err as often as they say, and agree with those of scipy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as theirs

from gradlab.significance import FEW_TESTED, median_test, rank_test, share_test
from tests import tiers
from tests.laws import LAWS


def test_two_shares_are_compared_as_fisher_does():
    for of, others in ((5, 5), (3, 10), (20, 7)):
        for a in range(of + 1):
            for b in range(others + 1):
                table = [[a, of - a], [b, others - b]]
                assert share_test(a, of, b, others) == pytest.approx(theirs.fisher_exact(table).pvalue)
    assert share_test(5, 5, 0, 5) == pytest.approx(2 / 252)
    assert share_test(0, 0, 0, 5) == 1


@pytest.mark.parametrize("n", [1, 3, 5, 6, 10, 30])
def test_two_equal_shares_are_seldom_called_different(n):
    """By the sum of the binomial laws: nothing is drawn."""
    counts = range(n + 1)
    apart = np.array([[share_test(a, n, b, n) <= 0.05 for b in counts] for a in counts])
    for p in np.linspace(0.01, 0.99, 99):
        law = theirs.binom.pmf(counts, n, p)
        assert law @ apart @ law <= 0.05
    assert apart[n, 0] == (n >= FEW_TESTED)


@pytest.mark.parametrize(("n", "m"), [(1, 4), (3, 3), (5, 5), (6, 9), (20, 13)])
def test_ranks_are_compared_as_mann_and_whitney_do(n, m):
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.5, 2.0, 10.0):
        x, y = rng.standard_normal(n), rng.standard_normal(m) + shift
        assert rank_test(x, y) == pytest.approx(theirs.mannwhitneyu(x, y, method="exact").pvalue)


def test_equal_and_infinite_values_share_their_ranks():
    """Every split of the values counted one by one."""
    x, y = [1.0, 2, 2, math.inf], [2.0, 3, math.inf, math.inf, math.inf]
    ranks, seen = theirs.rankdata(x + y), sum(theirs.rankdata(x + y)[:4])
    sums = np.array([sum(some) for some in itertools.combinations(ranks, 4)])
    assert rank_test(x, y) == pytest.approx((abs(sums - 20) >= abs(seen - 20)).mean())
    assert rank_test(x, [*y, math.nan]) == rank_test(x, y) == pytest.approx(rank_test(y, x))
    assert rank_test([1.0] * 4, [1.0] * 5) == rank_test([], y) == 1


@pytest.mark.ends
@pytest.mark.parametrize(
    ("n", "law"),
    tiers.few(
        itertools.product((3, 5, 6, 10), LAWS), lambda case: case[0] == 5 or case[1] == "cauchy", slow=()
    ),
)
def test_two_samples_of_one_law_are_seldom_called_different(n, law):
    """5 % of 2000 pairs, and two standard errors."""
    x, y = (LAWS[law][0](np.random.default_rng([n, side]), (2000, n)) for side in (0, 1))
    apart = np.mean([rank_test(*pair) <= 0.05 for pair in zip(x, y, strict=True)])
    assert apart <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 2000)
    assert rank_test(np.arange(n), np.arange(n) + n) == pytest.approx(2 / math.comb(2 * n, n))


def test_medians_that_the_ranks_contradict_are_not_told_apart():
    """x is above y in three of four pairs, and its median below."""
    x, y = [0.0] * 11 + [3.0] * 10, [-1.0] * 10 + [1.0] * 11
    assert np.greater.outer(x, y).sum() > 0.7 * 21 * 21
    assert rank_test(x, y) < 0.05
    assert median_test(x, y) == 1
    assert median_test(x, [*y, *y[:10]]) == rank_test(x, [*y, *y[:10]]) < 0.05
    assert median_test([], y) == 1


def test_of_many_values_the_law_of_ranks_is_the_normal_one():
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.1, 0.4):
        x, y = rng.integers(0, 9, 80), rng.integers(0, 9, 60) + shift
        expected = theirs.mannwhitneyu(x, y, method="asymptotic", use_continuity=False).pvalue
        assert rank_test(x, y) == pytest.approx(expected)

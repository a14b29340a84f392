"""Intervals cover what they say: simulated, or exactly where the law can be summed."""

import itertools
import math
import re

import numpy as np
import pytest
from scipy import stats as theirs

from gradlab import stats
from tests import tiers
from tests.laws import LAWS

SIZES = (2, 3, 5, 6, 10, 20, 50)
SLACK = 0.02
"""What a level may promise too much."""


def covered(intervals, truth):
    return np.mean([found.low <= truth <= found.high for found in intervals])


def drawn(n, law, times=20_000):
    """Samples `(times, n)` of a law; two points of coverage are more than five standard errors."""
    return law(np.random.default_rng(n), (times, n))


def median_intervals(rows):
    """The ends for each row, from the places that they have in a sorted one, and the level."""
    place = stats.median_interval(np.arange(rows.shape[1]))
    rows = np.sort(rows, axis=1)
    assert stats.median_interval(rows[0])[1:] == (*rows[0, [int(place.low), int(place.high)]], place.level)
    return rows[:, int(place.low)], rows[:, int(place.high)], place.level


def mean_intervals(rows, level=0.95):
    """The ends for each row, from the standard errors that the half width of one is."""
    middle, error = rows.mean(1), rows.std(1, ddof=1) / math.sqrt(rows.shape[1])
    one = stats.mean_interval(rows[0], level)
    half = (one.high - one.middle) / error[0] * error
    assert stats.mean_interval(rows[1], level).low == pytest.approx(middle[1] - half[1], rel=1e-9)
    return middle - half, middle + half


def inside(ends, truth):
    return np.mean((ends[0] <= truth) & (truth <= ends[1]))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", LAWS)
def test_a_median_is_covered_as_often_as_its_interval_says(n, name):
    law, truth = LAWS[name]
    *ends, level = median_intervals(drawn(n, law))
    assert abs(inside(ends, truth) - level) <= SLACK


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 8, 20, 41, 500, 1200])
def test_the_level_of_a_median_is_that_of_the_binomial_law(n):
    found = stats.median_interval(np.arange(n))
    assert found.level == pytest.approx(1 - 2 * theirs.binom.cdf(found.low, n, 0.5), abs=1e-9)
    assert found.low + found.high == n - 1
    if n < 6:
        assert (found.low, found.level) == (0, 1 - 2.0 ** (1 - n))
    else:
        assert found.level >= 0.95
        assert 1 - 2 * theirs.binom.cdf(found.low + 1, n, 0.5) < 0.95


def test_a_median_may_lie_beyond_every_number():
    assert stats.median_interval([np.inf, 1, 3]) == (3.0, 1.0, np.inf, 0.75)
    assert stats.median_interval([np.inf, np.inf, 3, 4])[:3] == (np.inf, 3.0, np.inf)
    assert stats.median_interval([np.nan, 2, 4]) == stats.median_interval([2, 4]) == (3.0, 2.0, 4.0, 0.5)


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("n", SIZES)
def test_a_mean_is_covered_as_often_as_its_interval_says(n, level):
    assert stats.mean_interval(np.arange(n), level).level == level
    assert abs(inside(mean_intervals(drawn(n, LAWS["normal"][0]), level), 0.0) - level) <= SLACK
    mild = drawn(n, lambda rng, size: rng.lognormal(sigma=0.25, size=size))
    assert inside(mean_intervals(mild, level), math.exp(0.25**2 / 2)) >= level - SLACK


@pytest.mark.parametrize("sigma", [0.5, 1])
def test_where_students_interval_fails_the_docstring_says_how_far(sigma):
    said = re.search(rf"exp\(N\(0, {sigma:g}(?:\^2)?\)\)([^%]*)%", stats.mean_interval.__doc__)[1]
    known = [float(number) for number in re.findall(r"\d+\.\d", said)]
    assert len(known) == len(SIZES)
    for n, percent in zip(SIZES, known, strict=True):
        rows = drawn(n, lambda rng, size: rng.lognormal(sigma=sigma, size=size))
        assert 100 * inside(mean_intervals(rows), math.exp(sigma**2 / 2)) == pytest.approx(percent, abs=1)


def test_a_mean_is_students():
    x = np.array([0.3, -0.1, 0.25, 0.4, np.nan])
    low, high = theirs.t.interval(0.95, 3, np.nanmean(x), theirs.sem(x[:4]))
    assert stats.mean_interval(x) == pytest.approx((np.nanmean(x), low, high, 0.95))
    assert stats.mean_interval([0.5] * 3) == (0.5, 0.5, 0.5, 0.95)


@pytest.mark.parametrize("find", [stats.mean_interval, stats.median_interval])
def test_one_value_has_no_interval_and_none_has_no_middle(find):
    assert find([0.5]).middle == 0.5
    assert np.isnan(find([0.5, np.nan])[1:]).all()
    assert np.isnan(find([])).all()
    assert np.isnan(find([np.nan])).all()


@pytest.mark.parametrize("of", [1, *SIZES])
def test_a_share_is_never_covered_less_often_than_its_interval_says(of):
    """By the sum of the binomial law, for a thousand shares: nothing is drawn."""
    found = [stats.share_interval(count, of) for count in range(of + 1)]
    p = np.linspace(0, 1, 1001)[:, None]
    held = np.array([[one.low <= share <= one.high for one in found] for share in p[:, 0]])
    coverage = (theirs.binom.pmf(np.arange(of + 1), of, p) * held).sum(1)
    assert {one.level for one in found} == {0.95}
    assert coverage.min() >= 0.95 - 1e-12


def test_a_share_is_clopper_and_pearsons():
    for of in (1, 5, 20):
        for count in range(of + 1):
            expected = theirs.binomtest(count, of).proportion_ci(0.95, "exact")
            assert stats.share_interval(count, of)[1:3] == pytest.approx(tuple(expected), abs=1e-12)
    assert np.isnan(stats.share_interval(0, 0)).all()


@pytest.mark.ends
@pytest.mark.parametrize("sizes", [(5, 5), (5, 50), (6, 10), (20, 20)])
@pytest.mark.parametrize("spread", [0.1, 1, 3])
def test_a_difference_is_covered_as_often_as_its_interval_says(sizes, spread):
    rng = np.random.default_rng(0)
    pairs = [(rng.standard_normal(sizes[0]), spread * rng.standard_normal(sizes[1])) for _ in range(2000)]
    found = [stats.difference_interval(a, b + 1) for a, b in pairs]
    assert covered(found, 1.0) >= 0.95 - SLACK


def test_a_difference_is_welchs():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(7), 3 * rng.standard_normal(5)
    found = stats.difference_interval(a, b, 0.99)
    expected = theirs.ttest_ind(b, a, equal_var=False).confidence_interval(0.99)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert found.middle == pytest.approx(b.mean() - a.mean())
    tiny = stats.difference_interval(1e-170 * a, 1e-170 * b, 0.99)
    assert tiny.high == pytest.approx(1e-170 * found.high, rel=1e-9)
    assert stats.difference_interval([1, 1], [3, 3]) == (2, 2, 2, 0.95)


@pytest.mark.ends
@pytest.mark.parametrize(
    ("n", "rho"),
    tiers.few(
        itertools.product([4, *SIZES[2:]], (0, 0.5, -0.8, 0.95)),
        lambda case: case[0] in (4, 5) or case == (50, 0.5),
        slow=(),
    ),
)
def test_a_rank_correlation_is_covered_as_often_as_its_interval_says(n, rho):
    rng = np.random.default_rng(n)
    x, noise = rng.standard_normal((2, 1000, n))
    y = rho * x + math.sqrt(1 - rho**2) * noise
    found = [stats.rank_correlation_interval(*pair) for pair in zip(x, y, strict=True)]
    assert {one.level for one in found} == {0.95}
    assert covered(found, 6 / math.pi * math.asin(rho / 2)) >= 0.95 - SLACK


def test_a_rank_correlation_is_spearmans():
    rng = np.random.default_rng(2)
    for x, y in (rng.integers(0, 4, (2, n)) for n in (5, 9, 30)):
        found = stats.rank_correlation_interval(x, y)
        assert found.middle == pytest.approx(theirs.spearmanr(x, y).statistic, abs=1e-12)
        assert -1 < found.low < found.middle < found.high < 1
    for few in ([1, 2, 3], [2, 2, 2, 2]):
        assert np.isnan(stats.rank_correlation_interval(few, range(len(few)))).all()


def test_a_perfect_order_of_four_does_not_shut_out_a_lesser_one():
    found = stats.rank_correlation_interval([1, 2, 3, 4], [1, 2, 3, 4])
    assert (found.middle, found.level) == (1, 0.95)
    assert found.low < 0


@pytest.mark.parametrize("level", [0.5, 0.75, 0.95, 0.968, 0.99, 0.99995, 1 - 1e-7])
def test_a_level_in_words_never_promises_more(level):
    said = float(stats.percent(level).removesuffix(" %"))
    assert said <= 100 * level < said + max(1, 100 * (1 - level))

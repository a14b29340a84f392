"""Intervals, each with the level that it attains: the one place where the package computes one.

A level is the share of repetitions in which the interval holds the true value, or less than that share;
each docstring says for which laws, and `tests/test_stats.py` counts.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
"""That is asked for where nothing else is said."""
WRONG = 1 - LEVEL
"""How often a claim may pass, or fail, although it should not: the ends that decide miss no more often."""
FEW = 3
"""With fewer seeds the means of two points are not compared."""


class Interval(NamedTuple):
    """A value estimated from a sample, and the interval it is known to."""

    middle: float
    low: float
    high: float
    level: float
    """The coverage that is attained: 0.95, or less for the median of few values; NaN where there is none."""


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The mean and Student's t-interval, mean -+ t((1 + level)/2, n - 1) s / sqrt(n); NaNs are left out.

    Exact for a normal law; of exp(N(0, 0.25^2)) it covers 94 % or more with any number of values. It fails
    where the law is skewed more: of exp(N(0, 0.5^2)) it covers 93.9, 92.3, 91.6, 91.7, 92.1, 93.0 and 94.0 %
    with 2, 3, 5, 6, 10, 20 and 50 values, of exp(N(0, 1)) 89.4, 83.7, 82.1, 82.2, 84.1, 87.0 and 89.9 %.
    So it is for logarithms, as rates are, and not for norms.

    With one value the ends and the level are NaN; with none, the mean too.

    Reference: Student 1908, The probable error of a mean.
    """
    x = known(values)
    n = len(x)
    if n < 2:
        return _alone(float(x[0]) if n else math.nan)
    from scipy.special import stdtrit

    mean = float(x.mean())
    half = float(stdtrit(n - 1, (1 + level) / 2) * x.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, level)


def median_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The median and an interval between two of the sorted values, which may be infinite; NaNs are left out.

    [x_(k), x_(n+1-k)] holds the median with 1 - 2 P(Binomial(n, 1/2) < k)

    for any continuous law, and at least as often for any other. k is the largest for which that is at least
    `level`; where there is none (fewer than 6 values at 95 %) the ends are the least and the largest value
    and the level is 1 - 2^(1 - n): 50 % for two values, 75 % for three. NaN ends and level for one value.

    >>> median_interval([1, 2, float("inf")])
    Interval(middle=2.0, low=1.0, high=inf, level=0.75)

    Reference: Thompson 1936, On confidence ranges for the median and other expectation distributions for
    populations of unknown distribution form.
    """
    x = [float(value) for value in np.sort(known(values))]
    n = len(x)
    middle = (x[(n - 1) // 2] + x[n // 2]) / 2 if n else math.nan
    if n < 2:
        return _alone(middle)
    # Whole numbers: 2^-n underflows from n = 1075.
    below, tail = 0, 1
    while 2 * (more := tail + math.comb(n, below + 1)) / 2**n <= 1 - level:
        below, tail = below + 1, more
    return Interval(middle, x[below], x[n - 1 - below], 1 - 2 * tail / 2**n)


def share_interval(successes: int, of: int, level: float = LEVEL) -> Interval:
    """A share and Clopper and Pearson's interval, which never covers less often than its level.

    low: P(Binomial(of, low) >= successes) = (1 - level)/2,   high: the same from the other end

    NaN where `of` is 0.

    >>> found = share_interval(17, 20)
    >>> round(found.low, 3), round(found.high, 3)
    (0.621, 0.968)

    Reference: Clopper, Pearson 1934, The use of confidence or fiducial limits illustrated in the case of the
    binomial.
    """
    if of == 0:
        return _alone(math.nan)
    from scipy.special import betaincinv

    tail, lost = (1 - level) / 2, of - successes
    low = float(betaincinv(successes, lost + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, lost, 1 - tail)) if lost else 1.0
    return Interval(successes / of, low, high, level)


def difference_interval(before: ArrayLike, after: ArrayLike, level: float = LEVEL) -> Interval:
    """The difference of two means, after - before, with Welch's interval; at least two values each.

    difference -+ t((1 + level)/2, df) sqrt(s1^2/n1 + s2^2/n2),   df after Welch and Satterthwaite

    For two normal laws of any two variances, to less than a point with 5 values or more of each; with 2 of
    the one and 20 of the other it covers 88 %.

    Reference: Welch 1947, The generalization of Student's problem when several different population
    variances are involved.
    """
    from scipy.special import stdtrit

    samples = [np.asarray(values, np.float64) for values in (before, after)]
    difference = float(samples[1].mean() - samples[0].mean())
    parts = [float(x.var(ddof=1)) / len(x) for x in samples]
    if sum(parts) == 0:
        return Interval(difference, difference, difference, level)
    # Shares of the whole, which squares do not underflow.
    shares = [part / sum(parts) for part in parts]
    freedom = 1 / sum(share**2 / (len(x) - 1) for share, x in zip(shares, samples, strict=True))
    half = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(sum(parts))
    return Interval(difference, difference - half, difference + half, level)


def errors(n: int, level: float = LEVEL) -> float:
    """How many standard errors Student's interval of an estimate from n observations reaches to each side.

    >>> round(errors(10), 3), round(errors(10**6), 3)
    (2.262, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + level) / 2))


def rank_correlation_interval(
    x: ArrayLike, y: ArrayLike, level: float = LEVEL, *, pairs: int | None = None
) -> Interval:
    """Spearman's rank correlation and an interval for it; NaN with fewer than 4 pairs or all of a side equal.

    tanh(artanh r -+ t((1 + level)/2, n - 2) sqrt((1 + r^2/2) / (n - 3)))

    with r no nearer to -+1 than two neighbours that change places leave it, 1 - 12 / (n^3 - n), which of four
    in perfect order would shut out all but perfect order. n is `pairs` where not all pairs are independent.
    For a bivariate normal law whose correlation is at most 0.95; at 0.99 it covers 86 % with 20 pairs.

    Reference: Spearman 1904, The proof and measurement of association between two things; Bonett, Wright
    2000, Sample size requirements for estimating Pearson, Kendall and Spearman correlations.
    """
    pair = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n = len(pair[0]) if pairs is None else pairs
    if n < 4 or any(np.all(side == side[0]) for side in pair):
        return _alone(math.nan)
    from scipy.special import stdtrit

    a, b = (ranked(side) for side in pair)
    middle = min(max(float(np.corrcoef(a, b)[0, 1]), -1.0), 1.0)
    most = 1 - 12 / (n**3 - n)
    r = min(max(middle, -most), most)
    half = float(stdtrit(n - 2, (1 + level) / 2)) * math.sqrt((1 + r**2 / 2) / (n - 3))
    return Interval(middle, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half), level)


def ranked(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks


def percent(level: float) -> str:
    """A level in words, never more than it is.

    >>> percent(0.95), percent(0.75), percent(0.96875), percent(0.9375), percent(0.99995)
    ('95 %', '75 %', '96 %', '93 %', '99.995 %')
    """
    digits = max(0, math.ceil(-math.log10(max(1 - level, 1e-12)) - 1e-9) - 2)
    return f"{math.floor(100 * level * 10**digits + 1e-6) / 10**digits:.{digits}f} %"


def known(values: ArrayLike) -> NDArray[np.float64]:
    """Values without NaNs, in a row."""
    x = np.asarray(values, np.float64).ravel()
    return x[~np.isnan(x)]


def _alone(middle: float) -> Interval:
    return Interval(middle, math.nan, math.nan, math.nan)

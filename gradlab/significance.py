"""Tests of two samples, and of many pairs together: the one place where the package tests one.

Each docstring says for which laws; `tests/test_significance.py` and `tests/test_holm.py` count.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gradlab.stats import WRONG, known, median_interval, ranked

FEW_TESTED = 4
"""With fewer seeds on each side no outcome is rare enough for `share_test` or `rank_test` at 5 %."""
FISHER, RANKS = "Fisher's exact test", "Mann-Whitney test"
"""What sentences call `share_test` and `rank_test`."""
MANY = 100
"""Of more values the law of a sum of ranks is that of the normal one."""


def share_test(successes: int, of: int, others: int, of_others: int) -> float:
    """Fisher's exact test: how often two equal shares would lie as far apart as these, or further; two-sided.

    sum of P(i) over all i with P(i) <= P(successes),   P(i) ~ C(of, i) C(of_others, k - i)

    with k successes on both sides together. At 5 % two equal shares are called different in 5 % of all pairs
    at most, for any share; where the two sides share their seeds, and succeed together, less often. That two
    intervals overlap says little: those of 5 of 5 and 0 of 5 do, and this is 0.0079.

    >>> round(share_test(5, 5, 0, 5), 4), round(share_test(3, 3, 0, 3), 4)
    (0.0079, 0.1)

    Reference: Fisher 1935, The logic of inductive inference.
    """
    together, k = of + of_others, successes + others
    ways = [
        math.comb(of, i) * math.comb(of_others, k - i) for i in range(max(0, k - of_others), min(of, k) + 1)
    ]
    seen = math.comb(of, successes) * math.comb(of_others, others)
    return sum(way for way in ways if way <= seen) / math.comb(together, k)


def rank_test(x: ArrayLike, y: ArrayLike) -> float:
    """Mann and Whitney's test: how often two samples of one law would differ as much in rank; two-sided.

    P(|W - E W| >= |w - E W|),   W the sum of the ranks of x among all,   every split equally likely

    Exact up to `MANY` values, equal ones sharing the mean of their ranks; by the normal law beyond. For any
    law that both sides have; it asks whether the values of one side tend to be above those of the other, and
    not about the medians of two laws of different form. NaNs are left out; 1 where a side is empty.

    >>> round(rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, float("inf")]), 4)
    0.0079

    Reference: Mann, Whitney 1947, On a test of whether one of two random variables is stochastically larger
    than the other.
    """
    a, b = known(x), known(y)
    n, total = len(a), len(a) + len(b)
    if not (len(a) and len(b)):
        return 1.0
    # Equal values share their ranks, in halves.
    doubled = np.rint(2 * ranked(np.concatenate([a, b]))).astype(np.int64)
    expected, seen = n * (total + 1), int(doubled[:n].sum())
    if total > MANY:
        spread = float(((doubled - (total + 1.0)) ** 2).sum()) * n * len(b) / (total * (total - 1))
        return math.erfc(abs(seen - expected) / math.sqrt(2 * spread)) if spread else 1.0
    # Splits by how many are in x and what their ranks add up to.
    ways = np.zeros((n + 1, int(doubled.sum()) + 1))
    ways[0, 0] = 1
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    far = abs(np.arange(ways.shape[1]) - expected) >= abs(seen - expected)
    return float(ways[n, far].sum() / ways[n].sum())


def median_test(x: ArrayLike, y: ArrayLike) -> float:
    """`rank_test`, for a sentence about two medians: 1 where they are equal or the ranks say the contrary."""
    a, b = known(x), known(y)
    if not (len(a) and len(b)):
        return 1.0
    ranks = int((a[:, None] > b).sum()) - int((a[:, None] < b).sum())
    middles = [median_interval(side).middle for side in (a, b)]
    medians = (middles[0] > middles[1]) - (middles[0] < middles[1])
    return rank_test(a, b) if ranks * medians > 0 else 1.0


def holm(found: Sequence[float], wrong: float = WRONG) -> list[bool]:
    """Which of several tests, by what each has found, hold when all of them may err in 5 % together.

    The k-th smallest of m, if it is at most wrong / (m + 1 - k) and so are those before it. For any tests
    that are right alone, however they depend on each other.

    >>> holm([0.04, 0.001, 0.02]), holm([0.04, 0.03])
    ([True, True, True], [False, False])

    Reference: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    holds = [False] * len(found)
    for left, i in zip(
        range(len(found), 0, -1), sorted(range(len(found)), key=found.__getitem__), strict=True
    ):
        if not found[i] <= wrong / left:
            break
        holds[i] = True
    return holds


def least_seeds(comparisons: int) -> int:
    """With fewer seeds on each side no outcome of so many `share_test` or `rank_test` holds by `holm`.

    The rarest outcome, all against none, is found in 2 of C(2 n, n) cases.

    >>> least_seeds(1), least_seeds(7), least_seeds(28)
    (4, 6, 7)
    """
    n = 1
    while 2 * comparisons > WRONG * math.comb(2 * n, n):
        n += 1
    return n

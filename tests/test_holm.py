"""Several tests that may err in 5 % together, and how many seeds they need."""

import itertools

import numpy as np
import pytest
from scipy import stats as theirs

from gradlab import significance
from gradlab.studies.remedies import power


def closed(found, wrong=0.05):
    """By the closed testing procedure: in every set that a test is of, some one is below wrong / size."""
    every = [
        set(some) for n in range(1, len(found) + 1) for some in itertools.combinations(range(len(found)), n)
    ]
    holds = [min(found[i] for i in some) <= wrong / len(some) for some in every]
    return [
        all(held for some, held in zip(every, holds, strict=True) if i in some) for i in range(len(found))
    ]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_holm_is_the_closed_procedure_of_bonferronis_tests(n):
    rng = np.random.default_rng(n)
    for _ in range(100):
        found = (rng.uniform(size=n) ** 3).tolist()
        assert significance.holm(found) == closed(found)


def test_equal_and_unknown_numbers_have_their_places():
    assert significance.holm([0.02, 0.02]) == [True, True]
    assert significance.holm([0.03, 0.03]) == [False, False]
    assert significance.holm([0.025, 0.05]) == [True, True]


@pytest.mark.parametrize("m", [2, 7])
def test_of_tests_that_find_nothing_one_holds_in_5_percent_at_most(m):
    rng = np.random.default_rng(m)
    tables = rng.uniform(size=(20_000, m))
    assert np.mean([any(significance.holm(row)) for row in tables.tolist()]) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("arms", [3, 4])
def test_all_pairs_of_equal_shares_err_in_5_percent_of_all_tables_at_most(arms, n):
    """Exactly: every table that binomial counts of one share can give, with its probability."""
    tables = np.array(list(itertools.product(range(n + 1), repeat=arms)))
    found = {
        (a, b): theirs.fisher_exact([[a, n - a], [b, n - b]]).pvalue
        for a, b in itertools.product(range(n + 1), repeat=2)
    }
    wrong = [
        any(significance.holm([found[pair] for pair in itertools.combinations(map(int, table), 2)]))
        for table in tables
    ]
    for share in np.linspace(0.05, 0.95, 10):
        chances = theirs.binom.pmf(tables, n, share).prod(axis=1)
        assert chances.sum() == pytest.approx(1)
        assert chances[wrong].sum() <= 0.05


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5, 6, 7, 8, 20])
def test_most_pairs_is_the_other_side_of_least_seeds(seeds):
    most = power.most_pairs(seeds)
    assert significance.least_seeds(most + 1) > seeds
    assert most == 0 or significance.least_seeds(most) <= seeds
    assert power.rarest(seeds) == pytest.approx(
        theirs.fisher_exact([[seeds, 0], [0, seeds]]).pvalue, rel=1e-12
    )


@pytest.mark.parametrize("pairs", [1, 2, 6, 7, 28, 100])
def test_fewer_seeds_can_show_nothing_and_these_can(pairs):
    least = significance.least_seeds(pairs)
    assert (pairs, least) in {(1, 4), (2, 5), (6, 5), (7, 6), (28, 7), (100, 8)}
    for n, shows in ((least - 1, False), (least, True)):
        rarest = [theirs.fisher_exact([[n, 0], [0, n]]).pvalue]
        rarest.append(theirs.mannwhitneyu(np.arange(n), np.arange(n) + n, method="exact").pvalue)
        rarest.append(significance.share_test(n, n, 0, n))
        for p in rarest:
            assert any(significance.holm([p] * pairs)) == shows
    assert significance.least_seeds(1) == significance.FEW_TESTED

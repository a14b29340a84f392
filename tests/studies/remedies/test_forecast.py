"""How well the profile before training ranks what was learned."""

import math

import numpy as np
import pytest
from scipy.stats import rankdata, t

from gradlab.studies.remedies.forecast import forecast, said
from gradlab.studies.remedies.rows import share
from tests.studies.remedies.test_rows import row


def rows_of(slopes, solved, **changed):
    """Arms of starts of their own."""
    return [
        row(arm=f"arm {i}", slope=(slope, slope), solved=share(count, 5), **changed)
        for i, (slope, count) in enumerate(zip(slopes, solved, strict=True))
    ]


def test_reach_and_rank_correlation_by_hand():
    slopes, solved = [-0.5, -0.2, 0.06, -0.01, -0.01], [0, 2, 1, 5, 5]
    rows = rows_of(slopes, solved)
    # The same rate, but another gradient: the last is a start of its own.
    rows[-1] = rows[-1]._replace(hard=30.0, kept=-math.inf)
    found = forecast(rows)
    np.testing.assert_allclose(found.predicted, [7, 16, 51, 301, 30])
    a, b = rankdata(found.predicted / 50), rankdata(solved)
    rho = np.corrcoef(a, b)[0, 1]
    assert found.spearman == pytest.approx(rho, rel=1e-12)
    half = t.ppf(0.975, 5 - 2) * math.sqrt((1 + rho**2 / 2) / (5 - 3))
    ends = np.tanh([math.atanh(rho) - half, math.atanh(rho) + half])
    assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-10)
    assert found.points == 5
    assert math.isnan(found.by_T)


def test_a_profile_without_a_rate_is_left_out():
    rows = rows_of((-0.5, -0.2, -0.1, -0.05), (0, 1, 3, 5))
    found = forecast([*rows, row(arm="lost", slope=(math.nan, 0.0), solved=share(5, 5))])
    assert (found.points, math.isnan(found.predicted[-1])) == (4, True)
    assert found.spearman == pytest.approx(1)


@pytest.mark.parametrize("count", [3, 5])
def test_nothing_is_said_of_too_few_starts_or_of_equal_shares(count):
    rows = rows_of([-0.1 * (i + 1) for i in range(count)], [i if count == 3 else 2 for i in range(count)])
    found = forecast(rows)
    assert math.isnan(found.spearman)
    assert found.points == count
    assert said(rows, str) == ""


def test_arms_and_lengths_that_share_a_start_are_one():
    rows = rows_of((-0.5, -0.2, -0.1, -0.05), (0, 1, 3, 5))
    shared = [one._replace(arm=f"{one.arm}, clipped", solved=share(5, 5)) for one in rows]
    found = forecast([*rows, *shared])
    # The mean of 0.2 k and 1 rises with k all the same.
    assert (found.points, found.spearman) == (4, pytest.approx(1))
    assert found.low == forecast(rows).low
    longer = [one._replace(T=100, solved=share(one.solved.successes // 2, 5)) for one in rows]
    both = forecast([*rows, *longer])
    assert both.points == 4
    assert not math.isnan(both.by_T)


def test_what_the_length_alone_ranks_as_well_is_no_skill():
    short = rows_of((-0.1, -0.11, -0.12, -0.13), (5, 5, 5, 5))
    long = [one._replace(T=200, solved=share(0, 5)) for one in short]
    found = forecast([*short, *long])
    assert found.by_T >= found.spearman > 0
    assert not found.skill
    assert said([*short, *long], "{:+.2f}".format).endswith(": no skill.")


def test_starts_that_share_their_luck_are_called_skill_as_rarely_as_the_interval_says():
    """Shares that have nothing to do with the profile, but much with the start: in 500 tables, few alarms."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(500):
        rows = []
        for start in range(6):
            slope, luck = -float(rng.uniform(0.01, 0.5)), rng.random()
            for arm in range(4):
                for T in (20, 40):
                    count = int(rng.binomial(10, np.clip(luck + 0.1 * rng.normal(), 0, 1)))
                    one = {"arm": f"{start} {arm}", "T": T, "slope": (slope, 0.0), "w_rec": float(start)}
                    rows.append(row(**one, solved=share(count, 10)))
        found = forecast(rows)
        assert found.points == 6
        alarms += found.low > 0 or found.high < 0
    # 25 in the mean where the interval is right; 41 are seen once in 1000 such tries.
    assert alarms <= 40

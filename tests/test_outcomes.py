"""Shares with intervals, the forecast, and the sentences that trials end in."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm, rankdata

from gradlab.outcomes import Outcome, forecast, judged, sentence, share
from tests.trials import PROFILE_T, made_up


def row(**changed):
    """An arm that solved nothing, whose gradient vanished, nothing of which was changed."""
    known = {
        "arm": "none",
        "cell": "elman",
        "T": 50,
        "w_rec": 1.0,
        "hidden": 50,
        "parameters": 2700,
        "rate": 0.01,
        "solved": share(0, 5),
        "updates": math.nan,
        "loss": 0.17,
        "diverged": 0,
        "diverged_what": "",
        "clipped": 0.0,
        "cosine": 1.0,
        "horizon": (12.0, 14.0),
        "slope": (-0.2, -0.2),
        "hard": math.nan,
    }
    return Outcome(**(known | changed))


class TestWilson:
    @pytest.mark.parametrize("of", [1, 3, 20])
    def test_is_scipys(self, of):
        for count in range(of + 1):
            found, expected = share(count, of), binomtest(count, of).proportion_ci(0.95, "wilson")
            assert found[:2] == (count, of)
            assert found[2:] == pytest.approx((expected.low, expected.high), abs=1e-12)

    def test_ends_solve_the_equation_of_the_score_test(self):
        """|p - share| = z sqrt(p (1 - p) / n) at both ends."""
        share, z = share(17, 20), norm.ppf(0.975)
        for p in (share.low, share.high):
            assert abs(p - 17 / 20) == pytest.approx(z * math.sqrt(p * (1 - p) / 20), rel=1e-12)

    def test_none_of_none_is_unknown(self):
        found = share(0, 0)
        assert math.isnan(found.low)
        assert math.isnan(found.high)


@pytest.fixture(scope="module")
def run():
    return made_up()


class TestOutcomes:
    def test_a_diverged_seed_is_a_failure_among_all_seeds(self, run):
        """3 of 20 diverged: 17 of 20 solved, with n = 20."""
        first = run.outcomes()[0]
        assert (first.solved, first.diverged, first.diverged_what) == (share(17, 20), 3, "gradient")
        assert first.updates == 300
        assert "3 of 20 diverged (gradient not finite); solved by 17 of 20 seeds" in sentence(first)

    def test_horizons_and_rates_are_those_of_the_profiles(self, run):
        """Transport falls by 0.1 decades a step at the start, by 0.01 at the end; cut at lag 4."""
        first, second = run.outcomes()
        assert first.horizon[0] == pytest.approx(30)
        assert math.isnan(first.horizon[1])
        assert first.slope == pytest.approx((-0.1, -0.01))
        assert math.isnan(first.hard)
        assert second.hard == 4
        assert PROFILE_T > 30

    def test_order_is_that_of_the_table(self, run):
        assert [r.arm for r in run.outcomes()] == ["none", "truncate(k=4)"]


class TestSentence:
    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({}, "horizon 12 -> 14; not solved: the gradient was vanishing"),
            ({"arm": "omega"}, "did not help: the gradient was vanishing"),
            (
                {"arm": "clip_norm", "clipped": 0.4},
                "changed the gradient in 40% of the updates; horizon 12 -> 14; "
                "did not help: the gradient was vanishing, not exploding",
            ),
            ({"clipped": 0.5, "cosine": 0.81}, "in 50% of the updates and turned it (mean cosine 0.81)"),
            ({"slope": (0.1, 0.1)}, "the gradient was exploding"),
            ({"slope": (0.0, 0.001)}, "the gradient reached back, which was not sufficient"),
            ({"hard": 10.0}, "nothing comes from beyond lag 10"),
            ({"hard": 10.0}, "the error of what lies further back is cut off"),
            ({"diverged": 5, "diverged_what": "loss"}, "5 of 5 diverged (loss not finite)"),
            ({"diverged": 5, "diverged_what": "loss"}, "every seed diverged"),
            ({"solved": share(5, 5)}, "solved by all 5 seeds"),
            ({"solved": share(2, 5)}, "solved by 2 of 5 seeds"),
            ({"horizon": (math.nan, 7.4)}, "horizon >50 -> 7"),
            ({"slope": (-0.1, math.nan)}, "the transport has no rate"),
        ],
    )
    def test_says_what_the_numbers_say(self, changed, words):
        assert words in sentence(row(**changed))


class TestJudged:
    def test_nothing_solved(self):
        assert judged([row(), row(arm="lstm")]) == "No arm solved the task within the budget."

    def test_the_most_solved_wins_and_then_the_fewest_updates(self):
        rows = [
            row(solved=share(9, 10), updates=100.0),
            row(arm="lstm", solved=share(10, 10), updates=900.0),
            row(arm="gru", solved=share(10, 10), updates=700.0),
            row(arm="omega", solved=share(0, 10)),
        ]
        said = judged(rows)
        assert said.startswith("Best: gru, 10 of 10 seeds solved, 700 updates (median)")
        assert said.endswith("; clearly better than omega.")

    def test_too_few_seeds_is_said(self):
        rows = [row(solved=share(0, 2)), row(arm="gru", solved=share(2, 2), updates=5.0)]
        assert "too few seeds to compare (at least 3)" in judged(rows)

    def test_overlapping_intervals_decide_nothing(self):
        rows = [row(solved=share(2, 3), updates=9.0), row(arm="gru", solved=share(3, 3), updates=5.0)]
        assert "no other arm's interval lies wholly below its own" in judged(rows)

    def test_where_is_said_when_there_are_several(self):
        rows = [row(), row(T=100, w_rec=1.5, arm="gru", solved=share(3, 3), updates=5.0)]
        assert judged(rows).startswith("Best: gru (T = 100, w_rec = 1.5), 3 of 3")


class TestForecast:
    def test_reach_and_rank_correlation_by_hand(self):
        slopes, solved = [-0.5, -0.2, 0.06, -0.01, -0.01], [0, 2, 1, 5, 5]
        hard = [math.nan, math.nan, math.nan, math.nan, 30.0]
        rows = [
            row(slope=(s, s), solved=share(n, 5), hard=h)
            for s, n, h in zip(slopes, solved, hard, strict=True)
        ]
        found = forecast(rows)
        np.testing.assert_allclose(found.predicted, [7, 16, 51, 301, 30])
        a, b = rankdata(found.predicted / 50), rankdata(solved)
        rho = np.corrcoef(a, b)[0, 1]
        assert found.spearman == pytest.approx(rho, rel=1e-12)
        half = norm.ppf(0.975) * math.sqrt((1 + rho**2 / 2) / (5 - 3))
        ends = np.tanh([math.atanh(rho) - half, math.atanh(rho) + half])
        assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-10)
        assert found.points == 5

    def test_a_profile_without_a_rate_is_left_out(self):
        rows = [
            row(slope=(s, s), solved=share(n, 5)) for s, n in ((-0.5, 0), (-0.2, 1), (-0.1, 3), (-0.05, 5))
        ]
        found = forecast([*rows, row(slope=(math.nan, 0.0), solved=share(5, 5))])
        assert (found.points, math.isnan(found.predicted[-1])) == (4, True)
        assert found.spearman == pytest.approx(1)

    @pytest.mark.parametrize("count", [3, 5])
    def test_nothing_is_said_of_too_few_points_or_of_equal_shares(self, count):
        rows = [
            row(slope=(-0.1 * (i + 1), 0.0), solved=share(i if count == 3 else 2, 5)) for i in range(count)
        ]
        found = forecast(rows)
        assert math.isnan(found.spearman)
        assert found.points == count

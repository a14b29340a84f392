"""Shares with intervals, and losses with theirs."""

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from gradlab.stats import Interval
from gradlab.studies.remedies.rows import ArmRow, share
from gradlab.studies.remedies.sentences import sentence
from tests.trials import PROFILE_T, made_up, result


def row(**changed):
    """An arm that solved nothing, whose gradient vanished, nothing of which was changed."""
    known = {
        "arm": "none",
        "cell": "elman",
        "T": 50,
        "w_rec": 1.0,
        "hidden": 50,
        "parameters": 2700,
        "lr": 0.01,
        "closed_form": False,
        "solved": share(0, 5),
        "updates": math.nan,
        "loss": 0.17,
        "losses": Interval(0.17, 0.16, 0.18, 0.9375),
        "chance": 0.1667,
        "diverged": 0,
        "diverged_what": "",
        "clipped": 0.0,
        "cosine": 1.0,
        "horizon": (12.0, 14.0),
        "slope": (-0.2, -0.2),
        "end": Interval(-0.2, -0.25, -0.15, 0.95),
        "hard": math.nan,
        "seed_losses": (0.16, 0.165, 0.17, 0.175, 0.18),
    }
    return ArmRow(**(known | changed))


class TestShare:
    @pytest.mark.parametrize("of", [1, 3, 20])
    def test_is_clopper_and_pearsons(self, of):
        for count in range(of + 1):
            found, expected = share(count, of), binomtest(count, of).proportion_ci(0.95, "exact")
            assert found[:2] == (count, of)
            assert found[2:] == pytest.approx((expected.low, expected.high, 0.95), abs=1e-12)

    def test_none_of_none_is_unknown(self):
        none = share(0, 0)
        assert none[:2] == (0, 0)
        assert np.isnan(none[2:]).all()


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
        """Transport falls by 0.1 decades per step at the start, by 0.01 at the end; cut at lag 4."""
        first, second = run.outcomes()
        assert first.horizon[0] == pytest.approx(30)
        assert math.isnan(first.horizon[1])
        assert first.slope == pytest.approx((-0.1, -0.01))
        assert math.isnan(first.hard)
        assert second.hard == 4
        assert PROFILE_T > 30

    def test_the_loss_of_a_diverged_seed_is_worse_than_any(self, run):
        """3 of 20 seeds are infinite, the others ended at 0.4."""
        first, second = run.outcomes()
        assert first.losses == (0.4, 0.4, 0.4, pytest.approx(1 - 2 * binom.cdf(5, 20, 0.5)))
        assert (first.loss, second.loss) == (0.4, math.inf)
        assert first.chance == pytest.approx(1 / 6)

    def test_a_readout_fitted_in_closed_form_has_no_learning_rate(self):
        """An arm of which every seed diverged at once has no followed gradient either, but had a rate."""
        run = made_up(result("esn", broken=0), result("lstm", broken=20), result())
        run.table.loc[run.table["arm"] != "none", ["changed", "cosine"]] = math.nan
        fitted, diverged, plain = run.outcomes()
        assert [row.closed_form for row in (fitted, diverged, plain)] == [True, False, False]
        assert math.isnan(fitted.lr)
        assert (diverged.lr, plain.lr) == (0.01, 0.01)

    def test_order_is_that_of_the_table(self, run):
        assert [r.arm for r in run.outcomes()] == ["none", "truncate(k=4)"]

"""Samples: the seeds of a point put together, states before values."""

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.findings import sampling
from gradlab.stats import mean_interval
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run
from tests import samples as made

IDENTITY = "elman(activation=identity)"


def run(**options):
    norms = made.norms(**options)
    return Run({}, results.metrics(norms), norms)


def one(found, **where):
    (point,) = found.at(where)
    return point


class TestSweeps:
    def test_a_rate_is_the_mean_over_seeds_with_its_interval(self):
        given = run(cells=("elman", IDENTITY), seeds=5)
        point = one(sampling.swept(given, "rate"), cell=IDENTITY, w_rec=0.5, T=20)
        assert point.middle == pytest.approx(math.log10(0.5) * 1, abs=1e-12)
        table = given.metrics.query("metric == 'rate' and cell == 'elman' and w_rec == 0.9 and T == 50")
        point = one(sampling.swept(given, "rate"), cell="elman", w_rec=0.9, T=50)
        known = (point.middle, point.low, point.high, point.level)
        assert known == pytest.approx(mean_interval(table["value"]), abs=1e-12)

    def test_a_horizon_that_is_not_reached_is_beyond_every_number(self):
        point = one(sampling.swept(run(), "soft_horizon"), w_rec=1.0, T=20)
        assert (point.middle, point.low, point.lost) == (math.inf, math.inf, "")

    def test_a_rate_of_a_lost_forward_pass_is_lost(self):
        given = run(cells=(IDENTITY,), w_rec=(0.5, 2.0), T=(60,), nonfinite_above=1.0)
        found = sampling.swept(given, "rate")
        assert one(found, w_rec=2.0).lost == "lost, the forward pass of 3 of 3 seeds is not finite"
        assert not one(found, w_rec=0.5).lost
        assert one(sampling.swept(given, "regime"), w_rec=2.0).word == "NONFINITE"

    def test_regimes_are_words(self):
        found = sampling.swept(run(cells=(IDENTITY,)), "regime")
        assert [point.word for point in found.at({"T": 50})] == ["VANISH", "VANISH", "STABLE", "EXPLODE"]

    def test_the_border_is_a_place_on_the_axis_w_rec(self):
        point = one(sampling.swept(run(cells=(IDENTITY,), w_rec=(0.8, 0.9, 1.25)), "border"), T=50)
        low, high = math.log10(0.9), math.log10(1.25)
        assert point.middle == pytest.approx(0.9 + 0.35 * -low / (high - low))

    def test_adjoint_and_weight_gradient_have_rates_of_their_own(self):
        given = run(cells=(IDENTITY,))
        for metric, share in (("adjoint_rate", 0.95), ("weight_gradient_rate", 0.97)):
            point = one(sampling.swept(given, metric), w_rec=0.5, T=50)
            assert point.middle == pytest.approx(share * math.log10(0.5))

    def test_a_metric_that_the_table_does_not_have_gives_no_points(self):
        given = run()
        rest = given.metrics[given.metrics["metric"] != "soft_horizon"]
        assert sampling.swept(Run({}, rest, given.norms), "soft_horizon").points == ()


def trained(solved, broken=(0, 0, 0, 0), slope=-0.1, T=20):
    seeds = len(solved)
    table = pd.DataFrame({"arm": "none", "T": T, "w_rec": 1.0, "seed": range(seeds)}).assign(
        solved_at=solved, broken_at=broken, loss=[0.1, 0.2, 0.3, 0.4], error=0.5, changed=0.0, cosine=1.0
    )
    log = np.broadcast_to(slope * np.arange(T + 1.0), (1, 1, 1, seeds, 2, T + 1)).copy()
    log[0, 0, 0, np.array(broken) > 0, 1] = np.nan
    dims = ("arm", "T", "w_rec", "seed", "when", "lag")
    zero = np.where(np.arange(T + 1) > 5, -np.inf, log)
    coords = {"arm": ["none"], "T": [T], "w_rec": [1.0], "when": ["start", "end"]}
    return TrainingRun(
        {}, table, table, xr.Dataset({"transport": (dims, log), "adjoint": (dims, zero)}, coords)
    )


class TestComparisons:
    def test_a_share_has_clopper_and_pearsons_interval(self):
        point = one(sampling.trained(trained([5, 0, 3, 9]), "solved"))
        assert point.middle == 0.75
        assert (point.low, point.high) == pytest.approx((0.1941, 0.9937), abs=1e-4)
        assert point.level == 0.95

    def test_a_seed_that_never_solves_takes_longer_than_any(self):
        point = one(sampling.trained(trained([100, 0, 300, 200]), "updates"))
        assert (point.middle, point.low, point.high, point.level) == (250.0, 100.0, math.inf, 0.875)

    def test_a_diverged_seed_has_the_worst_loss_and_no_slope(self):
        given = trained([0, 0, 0, 0], broken=(0, 7, 0, 0))
        assert one(sampling.trained(given, "loss")).high == math.inf
        assert one(sampling.trained(given, "diverged")).middle == 0.25
        assert "1 of 4 seeds" in one(sampling.trained(given, "slope_end")).lost
        assert one(sampling.trained(given, "slope_start")).middle == pytest.approx(-0.1)

    def test_horizons_are_those_of_the_profiles(self):
        given = trained([0, 0, 0, 0], slope=-0.2)
        assert one(sampling.trained(given, "horizon_start")).middle == pytest.approx(15.0)
        assert one(sampling.trained(given, "hard_horizon")).middle == 5.0


class TestOneSeedAndOneNetwork:
    def test_a_single_seed_has_no_interval_and_no_regime(self):
        alone = run(seeds=1)
        for metric in ("rate", "soft_horizon", "border"):
            for point in sampling.swept(alone, metric).points:
                assert point.lost or (math.isnan(point.level) and "1 seed, no interval" in str(point))
        words = {point.word for point in sampling.swept(alone, "regime").points}
        assert words == {"UNDECIDED"}

    def test_one_given_network_is_its_own_number(self):
        norms = made.norms(seeds=1).assign_attrs(networks="given")
        given = Run({}, results.metrics(norms), norms)
        point = one(sampling.swept(given, "rate"), w_rec=0.5, T=50)
        assert (point.low, point.high, point.level) == (point.middle, point.middle, 1)
        assert str(point).endswith("(this network)")
        assert one(sampling.swept(given, "regime"), w_rec=0.5, T=50).word == "VANISH"

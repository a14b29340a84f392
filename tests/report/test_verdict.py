"""The sentence on top is made of the numbers below it."""

import numpy as np
import pytest

from gradlab.report import captions, sources, verdict
from gradlab.report.question import question
from gradlab.report.sources import Progress
from gradlab.studies.sweep import results
from gradlab.studies.sweep.rows import PointRow
from tests import samples
from tests.report import folders

LIMIT = 0.02
"""Above this a rate is sure to be no zero at T = 50."""


def group(w_rec, rate, cell="elman", **changes):
    """A group whose regime is that of its rate."""
    word = "VANISH" if rate < -LIMIT else "EXPLODE" if rate > LIMIT else "STABLE"
    soft = 3 / -rate if rate < -3 / 50 else np.nan
    numbers = {"half_life": np.nan, "soft_horizon": soft, "hard_horizon": np.nan, "credit_horizon": 9.0}
    row = PointRow(
        cell, "orthogonal", w_rec, 50, 3, rate, rate, rate, word, numbers, nonfinite=0, nonfinite_step=0,
        trajectory_dependent=False, has_gain=True, profile=rate * np.arange(51.0),
    )  # fmt: skip
    return row._replace(**changes)


def said(*rows):
    return verdict.sweep_verdict(list(rows))


class TestFates:
    def test_the_border_is_where_the_mean_rate_crosses_zero(self):
        text = said(group(0.5, -0.3), group(1.0, -0.1), group(1.5, 0.3))
        assert "elman vanishes at w_rec = 0.5 to 1 (2 values) and explodes at w_rec = 1.5 (mean rate" in text
        assert "(mean rate crosses 0 at w_rec = 1.125);" in text

    def test_a_stable_row_above_the_border_is_not_said_to_explode(self):
        """The mean rate crosses 0 at 1.118, and at 1.3 the seeds do not tell it from 0."""
        rates = [(1.0, -0.1), (1.1, -0.0045), (1.2, 0.0205), (1.3, 0.004), (1.4, 0.06), (1.5, 0.07)]
        text = said(*(group(w, rate) for w, rate in rates))
        assert "is stable at w_rec = 1.1 and 1.3 and explodes at w_rec = 1.2 and 1.4 to 1.5 (2 val" in text
        assert "(mean rate crosses 0 at w_rec = 1.118)" in text
        assert "above" not in text

    def test_a_rate_that_crosses_zero_twice_has_no_one_border(self):
        text = said(group(0.5, -0.1), group(1.0, 0.1), group(1.5, -0.1))
        assert "(mean rate crosses 0 2 times, first at w_rec = 0.75)" in text

    def test_cells_of_one_fate_share_a_clause_and_keep_their_own_borders(self):
        rows = [
            group(w, r, cell) for cell, r0 in (("a", 0.1), ("b", 0.3)) for w, r in ((1.0, -0.1), (2.0, r0))
        ]
        fate = "at w_rec = 1 and explodes at w_rec = 2 (mean rate crosses 0 at w_rec ="
        text = said(*rows)
        assert f"a vanishes {fate} 1.5); b vanishes {fate} 1.25);" in text
        assert "a and b vanish at each of the 2 w_rec from 1 to 2;" in said(
            *[row._replace(rate=-0.1, regime="VANISH") for row in rows]
        )

    def test_one_regime_everywhere_is_said_with_its_range(self):
        assert "elman vanishes at each of the 2 w_rec from 0.5 to 0.9;" in said(
            group(0.5, -0.3), group(0.9, -0.1)
        )
        assert said(group(1.5, 0.3), group(2.0, 0.5)).endswith(
            "explodes at each of the 2 w_rec from 1.5 to 2."
        )

    def test_an_explosion_below_and_a_decay_above_is_not_called_a_border(self):
        text = said(group(0.5, 0.3), group(1.5, -0.3))
        assert (
            "vanishes at w_rec = 1.5 and explodes at w_rec = 0.5 (mean rate crosses 0 at w_rec = 1)" in text
        )

    def test_what_is_undecided_is_said_to_be(self):
        text = said(group(0.5, -0.3), group(1.0, -0.03, regime="UNDECIDED"))
        assert "elman vanishes at w_rec = 0.5 and is undecided at w_rec = 1;" in text

    def test_an_overflow_is_said_with_its_first_step(self):
        lost = {"regime": "NONFINITE", "rate": np.nan, "nonfinite": 2}
        rows = (
            group(0.5, -0.3),
            group(3.0, 0.0)._replace(**lost, nonfinite_step=7),
            group(2.0, 0.0)._replace(**lost, nonfinite_step=9),
        )
        text = said(*rows)
        assert (
            "elman vanishes at w_rec = 0.5 and is not finite at w_rec = 2 to 3 (2 values) in 2 of 3 seed"
            in text
        )
        assert "(forward first at step 7)" in text
        assert "elman is not finite at each of the 2 w_rec from 2 to 3 in 2 of 3 seeds" in said(*rows[1:])
        backward = group(3.0, np.nan, regime="NONFINITE", backward_nonfinite=1, backward_step=31)
        text = said(backward)
        assert "elman is not finite at w_rec = 3 in 1 of 3 seeds (going back first at step 31)" in text

    def test_a_single_network_gives_its_rate(self):
        assert "elman vanishes at w_rec = 0.9 (−0.05 decades per step)" in said(group(0.9, -0.05))
        assert "w_rec" not in said(group(np.nan, -0.5))

    def test_a_cell_that_w_rec_does_not_scale_is_spoken_of_once(self):
        text = said(group(0.5, -0.1, has_gain=False), group(1.5, -0.1, has_gain=False))
        assert "elman vanishes (−0.1 decades per step)" in text
        assert "w_rec" not in text

    def test_no_rate_is_no_regime(self):
        assert "elman has no rate" in said(group(0.9, np.nan, regime="UNDEFINED"))


def text_after(text, mark):
    return text.partition(mark)[2]


class TestReach:
    def test_the_longest_horizon_is_the_greatest_of_them(self):
        text = said(group(0.5, -0.3), group(0.9, -0.1))
        assert text.endswith("the longest horizon is 30 steps (median over seeds), of elman at w_rec = 0.9.")

    def test_one_that_is_not_apart_from_others_is_not_alone(self):
        rows = [group(w / 10, -0.1 - w / 1000, low=-0.3, high=-0.05) for w in range(1, 4)]
        assert text_after(said(*rows), ", whose rate's interval") == (
            " does not lie above that of elman at w_rec = 0.2 and elman at w_rec = 0.3."
        )
        many = [group(w / 10, -0.1 - w / 1000, low=-0.3, high=-0.05) for w in range(1, 7)]
        assert (
            text_after(said(*many), ", whose rate's interval") == " does not lie above that of 5 other rows."
        )

    def test_those_beyond_the_sequence_are_counted(self):
        """A tie of 11 of 33 has no first."""
        rows = [group(w / 10, -0.05 if w < 12 else -0.1) for w in range(1, 34)]
        assert "in 11 of the 33 rows that do not explode the transport has not fallen by 10^3" in said(*rows)
        few = said(group(0.5, -0.3), group(0.9, -0.05), group(0.95, -0.03), group(1.5, 0.3))
        assert few.endswith(
            "; in 2 of the 3 rows that do not explode the transport has not fallen by 10^3 at lag 50 (median "
            "over seeds): elman at w_rec = 0.9 and elman at w_rec = 0.95."
        )

    def test_what_is_not_known_at_the_far_end_has_not_kept_its_norm(self):
        unknown = group(0.9, -0.01, profile=np.r_[np.zeros(30), np.full(21, np.nan)])
        assert "10^3" not in said(unknown)

    def test_what_explodes_has_no_reach(self):
        assert "reach" not in said(group(1.5, 0.3)) + said(group(2.0, 0.3, regime="NONFINITE", nonfinite=1))


def test_seeds_are_counted_and_one_has_no_interval():
    assert said(group(0.9, -0.1)).startswith("At T = 50 (3 seeds), ")
    assert "(1 seed, so no interval)" in said(group(0.9, -0.1, seeds=1))


def test_two_runs_read_two_verdicts_and_two_captions(tmp_path):
    runs = [
        sources.read(folders.sweep(tmp_path / "low", w_rec=(0.3, 0.5))),
        sources.read(folders.sweep(tmp_path / "high", w_rec=(0.5, 3.0, 4.0))),
    ]
    assert verdict.verdict(runs[0]) != verdict.verdict(runs[1])
    assert "vanish at each of the 2 w_rec from 0.3 to 0.5" in verdict.verdict(runs[0])
    assert "mean rate crosses 0" in verdict.verdict(runs[1])
    assert question(runs[0]) != question(runs[1])
    module = type("module", (), {})
    for name in ("profile", "rate_map", "three_gradients", "horizon"):
        assert captions.caption(runs[0].run, name, module) != captions.caption(runs[1].run, name, module)


def test_a_caption_holds_the_numbers_of_its_figure():
    norms = samples.norms(("elman(activation=identity)",), (0.5, 2.0), T=(10,), seeds=1, noise=0)
    run = results.Run({}, results.metrics(norms), norms)
    law = 10 * np.log10(2)
    text = captions.caption(run, "profile", None)
    assert f"10^−{law:.0f} (elman(activation=identity) at w_rec = 0.5, lag 10)" in text
    assert f"10^{law:.0f} (elman(activation=identity) at w_rec = 2, lag 10)" in text
    assert "w_rec = 1.25" in captions.caption(run, "rate_map", None)
    assert captions.borders(run) == {("elman(activation=identity)", 10): pytest.approx(1.25)}


def test_a_plot_may_speak_for_itself():
    module = type("module", (), {"sentence": staticmethod(lambda run: f"own words about {run}")})
    assert captions.caption("x", "profile", module) == "own words about x"


def test_the_experiment_asks_its_own_question(tmp_path):
    source = sources.read(folders.sweep(tmp_path / "run", about={"question": "Is it so?"}))
    assert question(source) == "Is it so?"


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        ((24, 0, 24), ""),
        ((7, 0, 24), "partial: 7 of 24 points"),
        ((7, 2, 9), "partial: 7 of 9 points; 2 failed"),
    ],
)
def test_how_far_a_run_has_come(progress, text):
    assert verdict.partial(Progress(*progress)) == text

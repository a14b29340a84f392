"""Who learns, foretold for cells left out: on made-up rows without and with a relation."""

import math

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from gradlab.stats import Interval
from gradlab.studies.remedies import left_out
from gradlab.studies.remedies.left_out import auc, judge, said
from gradlab.studies.remedies.rows import Race, share
from tests.studies.remedies.test_rows import row

GAINS, LENGTHS, SEEDS = (0.5, 0.7, 1.0, 1.4, 2.0), (10, 20, 40, 80), 3


def chance(odds):
    return 1 / (1 + math.exp(-odds))


NULL = {
    "nothing": lambda T, slope, luck: 0.0,
    "T alone": lambda T, slope, luck: -1.5 * (math.log(T) - 3.4),
    "T and the start's luck": lambda T, slope, luck: -1.5 * (math.log(T) - 3.4) + 1.5 * luck,
}
"""Log odds to learn that no profile tells of; all T of a start share its luck."""


def planted(T, slope, luck):
    """The transport may fall by 10^6 over T, and no further: twice the soft horizon."""
    return 40.0 * (6 / (abs(slope) * T) - 1)


def rows_of(rng, odds, cells=6):
    made = []
    for cell in range(cells):
        base = rng.uniform(0.03, 0.3)
        for gain in GAINS:
            luck, slope = rng.normal(), base * rng.uniform(0.3, 2) * rng.choice([-1, 1])
            told, horizon = rng.uniform(0, 1), 1 + 3 / abs(slope)
            for T in LENGTHS:
                solved = rng.binomial(SEEDS, chance(np.clip(odds(T, slope, luck), -30, 30)))
                made.append(
                    row(
                        arm=f"cell {cell}",
                        cell=f"cell {cell}",
                        w_rec=gain,
                        T=T,
                        slope=(slope, slope),
                        told=(told * T, 1.0),
                        horizon=(horizon if horizon < T else math.nan, 1.0),
                        solved=share(int(solved), SEEDS),
                    )
                )
    return made


def times_skilled(law, tries):
    rng = np.random.default_rng(1)
    found = [judge(rows_of(rng, NULL[law])) for _ in range(tries)]
    return sum(one.skill for one in found)


def test_where_the_start_tells_nothing_there_is_no_skill():
    """Below the lower end lie 2.5 %: of 10 times more than 3 do so in fewer than one case of a thousand."""
    assert times_skilled("T and the start's luck", 10) <= binom.ppf(0.999, 10, 0.025)


@pytest.mark.slow
@pytest.mark.parametrize("law", NULL)
def test_skill_is_called_no_more_often_than_the_level_says(law):
    assert times_skilled(law, 100) <= binom.ppf(0.999, 100, 0.025)


def test_a_relation_that_is_there_is_found():
    rows = rows_of(np.random.default_rng(0), planted)
    found = judge(rows)
    assert found.skill
    assert found.auc > 0.95
    assert (found.cells, found.starts, found.points) == (6, 30, 120)
    assert "no skill" not in said(rows)
    assert f"AUC {found.auc:.2f}, 1/T alone {found.baselines['1/T']:.2f}" in said(rows)


def test_no_skill_is_said_where_it_is_so():
    rows = rows_of(np.random.default_rng(0), NULL["T alone"])
    assert ": no skill. " in said(rows)
    assert said(rows).endswith(
        "what a cell can express, such as that no linear diagonal recurrence with positive weights learns "
        "parity."
    )


def test_a_cell_that_is_foretold_is_not_learned_from():
    """Its own outcomes turned round change none of its odds, and those of the others."""
    rows = rows_of(np.random.default_rng(0), planted)
    features = np.stack([left_out._features(one) for one in rows])
    learned = np.array([2 * one.solved.successes >= one.solved.of for one in rows])
    cells = np.array([one.cell for one in rows])
    own = cells == "cell 2"
    before = left_out._foretold(features, learned, cells)
    after = left_out._foretold(features, learned ^ own, cells)
    np.testing.assert_array_equal(before[own], after[own])
    assert (before[~own] != after[~own]).all()


def test_arms_that_begin_with_the_same_networks_are_one_start():
    rows = rows_of(np.random.default_rng(0), NULL["T and the start's luck"])
    once, twice = judge(rows), judge([*rows, *(one._replace(arm=f"{one.arm}, clipped") for one in rows)])
    assert (once.starts, twice.starts, twice.points) == (30, 30, 240)
    for name, margin in once.margins.items():
        assert twice.margins[name].high - twice.margins[name].low > 0.8 * (margin.high - margin.low)


def test_the_document_has_the_numbers_of_the_sentence():
    rows = rows_of(np.random.default_rng(0), planted)
    found, told = judge(rows), left_out.document(rows)
    assert (told["auc"], told["skill"], told["starts"]) == (found.auc, True, 30)
    assert [one["name"] for one in told["baselines"]] == list(found.baselines)
    for one in told["baselines"]:
        assert one["auc"] == found.baselines[one["name"]]
        assert one["margin"]["low"] == found.margins[one["name"]].low
    assert left_out.document(rows[:4]) is None


def test_an_end_that_an_interval_has_not_is_null(monkeypatch):
    rows = rows_of(np.random.default_rng(0), planted)
    monkeypatch.setattr(
        left_out, "_interval", lambda middle, without: Interval(middle, -math.inf, math.inf, 0.95)
    )
    told = left_out.document(rows)
    assert told["skill"] is False
    assert [(one["margin"]["low"], one["margin"]["high"]) for one in told["baselines"]] == [(None, None)] * 2


def test_area_is_mann_and_whitneys():
    rng = np.random.default_rng(0)
    score, learned = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    expected = mannwhitneyu(score[learned], score[~learned]).statistic / (learned.sum() * (~learned).sum())
    assert auc(score, learned) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(auc(score, learned | True))


def test_too_little_is_not_judged():
    rng = np.random.default_rng(0)
    rows = rows_of(rng, planted)
    raced = Race(10, 0, 0, 1, (1.0, 2.0, 3.0))
    for some in (
        [],
        rows_of(rng, planted, cells=2),
        [one for one in rows if one.T == 20],
        [one for one in rows if one.w_rec == 1.0],
        [one._replace(solved=share(3, 3)) for one in rows],
        [one._replace(solved=share(0, 3)) for one in rows],
        [rows[0]._replace(most=80), *rows[1:]],
        [rows[0]._replace(race=raced), *rows[1:]],
        [one._replace(closed_form=True) for one in rows],
        [one._replace(slope=(math.nan, 0.0)) for one in rows],
    ):
        assert judge(some) is None
        assert said(some) == ""

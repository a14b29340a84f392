"""Scores beside scipy's, and the controls: what is planted is found, what is not is not."""

import numpy as np
import pytest
from scipy import stats

from gradlab.studies.neurons import corpus, labels, reading
from gradlab.studies.neurons.labels import Label
from gradlab.studies.neurons.scores import SHIFTS, ranks, scored
from tests.studies.neurons import hand_set


def smooth(rng, count, length, span=12):
    """Noise that is alike from one character to the next, as units are."""
    raw = rng.standard_normal((count, length + span - 1))
    return np.stack([np.convolve(row, np.ones(span), "valid") for row in raw]).astype(np.float32)


def made(seed=0, count=5, length=1200):
    rng = np.random.default_rng(seed)
    rows = np.round(smooth(rng, count, length), 1)
    inside = (smooth(rng, 1, length)[0] > 3).astype(np.float32)
    depth = np.maximum(0, np.round(smooth(rng, 1, length)[0])).astype(np.float32)
    return rows, [Label("inside", "binary", "", inside), Label("depth", "number", "", depth)]


def test_ranks_are_scipys():
    rows = made()[0]
    wanted = (2 * stats.rankdata(rows, axis=1) - rows.shape[1] - 1) / rows.shape[1]
    np.testing.assert_allclose(ranks(rows), wanted, atol=1e-6)


def test_scores_are_the_area_under_the_curve_and_spearmans_correlation():
    rows, some = made()
    found = scored(rows, [rows], some, 0)
    for k, row in enumerate(rows):
        inside = some[0].values > 0
        area = stats.mannwhitneyu(row[inside], row[~inside]).statistic / inside.sum() / (~inside).sum()
        assert found.score[0, k] == pytest.approx(2 * area - 1, abs=2e-5)
        assert found.score[1, k] == pytest.approx(stats.spearmanr(row, some[1].values).statistic, abs=2e-5)
        half = len(row) // 2
        assert found.second[1, k] == pytest.approx(
            stats.spearmanr(row[half:], some[1].values[half:]).statistic, abs=2e-5
        )
    assert np.isnan(found.accuracy[1]).all()
    np.testing.assert_allclose(found.same, found.score)


def test_the_accuracy_is_that_of_the_best_threshold_of_the_first_half():
    rows, some = made(3, count=3, length=300)
    found = scored(rows, [rows], some, 0).accuracy[0]
    inside = some[0].values > 0
    half = len(inside) // 2

    def balanced(said, wanted):
        return 0.5 * (said[wanted].mean() + (~said[~wanted]).mean())

    for k, row in enumerate(rows):
        best, value = -1.0, np.nan
        for threshold in row[:half]:
            for said in (row > threshold, row <= threshold):
                here = balanced(said[:half], inside[:half])
                if here > best + 1e-12:
                    best, value = here, [balanced(said[half:], inside[half:])]
                elif abs(here - best) < 1e-12:
                    value.append(balanced(said[half:], inside[half:]))
        assert min(abs(found[k] - one) for one in value) < 1e-9


def test_shifted_labels_are_scored_as_if_each_had_been_shifted():
    rows, some = made(1, count=3, length=400)
    found = scored(rows, [rows], some, 0)
    shifts = np.unique(np.linspace(8, 392, SHIFTS).astype(int))
    for i, one in enumerate(some):
        best = []
        for shift in shifts:
            rolled = np.roll(one.values, shift)
            if one.kind == "binary":
                ranked = stats.rankdata(rows, axis=1)
                apart = ranked[:, rolled > 0].mean(axis=1) - ranked[:, rolled == 0].mean(axis=1)
                values = 2 * apart / len(rolled)
            else:
                values = [stats.spearmanr(row, rolled).statistic for row in rows]
            best.append(np.abs(values).max())
        assert found.shifted[i] == pytest.approx(np.quantile(best, 0.95, method="higher"), abs=2e-5)
        for k in range(len(rows)):
            reached = 1 + sum(value >= abs(found.score[i, k]) for value in best)
            assert found.p[i, k] == pytest.approx(min(1, 2 * reached / (1 + len(shifts))), abs=0.01)


def test_noise_is_above_its_controls_for_no_label():
    """Of 40 draws of units, labels and networks, all alike, the bound of 5 % is passed by few."""
    passed = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, 5])
        rows, some = made(seed, count=8)
        others = [smooth(rng, 8, rows.shape[1]) for _ in range(3)]
        passed += int(scored(rows, others, some, seed).above.any())
    assert passed <= 2


def test_a_network_that_was_not_trained_has_no_detector_above_its_controls():
    text = hand_set.text(3000)
    vocabulary = "".join(sorted(set(text)))
    setting = hand_set.setting(len(vocabulary))
    codes = corpus.coded(text, vocabulary)
    rows = []
    for seed in range(4):
        weights, state = hand_set.drawn(setting, seed)
        found = reading.read(setting, weights, state, codes).units
        rows.append(np.concatenate([np.ascontiguousarray(values.T) for values in found.values()]))
    quoted = labels.prose(text)["inside quotes"]
    some = [Label("inside quotes", "binary", "", quoted)]
    some += [Label(name, "number", "", row) for name, row in labels.plain(text).items() if row.std() > 0]
    assert not scored(rows[0], rows[:3], some, 0).above.any()


def test_a_unit_that_is_set_by_hand_to_follow_quotes_ranks_first():
    text = hand_set.text(6000)
    vocabulary = "".join(sorted(set(text)))
    setting, weights, state = hand_set.quotes(vocabulary)
    codes = corpus.coded(text, vocabulary)
    found = reading.read(setting, weights, state, codes)
    names = [f"{leaf}/{k}" for leaf, values in found.units.items() for k in range(values.shape[1])]
    rows = np.concatenate([np.ascontiguousarray(values.T) for values in found.units.values()])
    others = []
    for seed in range(3):
        before, first = hand_set.drawn(setting, seed)
        units = reading.read(setting, before, first, codes).units
        others.append(np.concatenate([np.ascontiguousarray(values.T) for values in units.values()]))
    quoted = labels.prose(text)["inside quotes"]
    some = [Label("inside quotes", "binary", "", quoted)]
    some += [
        Label(name, "number" if row.max() > 1 else "binary", "", row)
        for name, row in labels.plain(text).items()
        if row.std() > 0
    ]
    result = scored(rows, others, some, 0)
    order = np.argsort(-np.abs(result.score[0]))
    assert {names[order[0]], names[order[1]]} == {"c/0", "h/0"}
    assert abs(result.score[0, order[0]]) > 0.99
    assert result.above[0, order[0]]
    assert result.accuracy[0, order[0]] > 0.99
    assert max(result.untrained[0], result.shifted[0]) < 0.5
    # A direction may well follow it, with so much of it in them; none does so as well.
    assert result.random[0] < 0.95

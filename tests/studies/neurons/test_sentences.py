"""Sentences say no more than the numbers that they are made from."""

import math

import numpy as np
import pytest

from gradlab.plots import detectors
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import CellRow, DetectorRow
from gradlab.studies.neurons.sentences import judged, sentence
from tests.spoken_neurons import hold_caption, hold_sentence, hold_verdict

NAN, INF = math.nan, math.inf


def row(seed, cell="lstm"):
    """A row that may be anything; what is above has a score above its controls."""
    rng = np.random.default_rng(seed)
    shifted, untrained, random = rng.uniform(0, 0.6, 3)
    above = bool(rng.random() < 0.5)
    high = max(shifted, untrained, random)
    size = rng.uniform(high, 1) if above or rng.random() < 0.3 else rng.uniform(0, high)
    inside = rng.normal(0, 0.1)
    half = abs(rng.normal(0, 0.1))
    few = rng.random() < 0.2
    return DetectorRow(
        cell,
        f"label {seed}",
        "auc",
        f"c/{rng.integers(64)}",
        float(size * rng.choice([-1, 1])),
        0.8,
        shifted,
        untrained,
        random,
        0.1,
        0.01,
        above,
        int(rng.integers(1, 9)) if above else 0,
        float(rng.choice([NAN, INF, 1.0, 7.0, 12.5])),
        float(rng.choice([NAN, INF, 1.0, 3.0, 40.5])),
        NAN if few else inside,
        NAN if few else inside - half,
        NAN if few else inside + half,
        0.01,
        "" if few else "used" if inside - half > 0 else "not shown",
    )


@pytest.mark.parametrize("seed", range(60))
def test_every_row_says_what_it_holds(seed):
    one = row(seed)
    hold_sentence(sentence(one), one)


@pytest.mark.parametrize("cells", [("lstm",), ("elman", "gru", "lstm")])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_verdict_and_the_caption_are_those_of_their_rows(cells, count, monkeypatch):
    every = [
        CellRow(cell, 8, 999, 10, 2.0 + 0.1234 * len(cell), 6.5, NAN, 200, "c", 0.9, ((1, 0),) * 5)
        for cell in cells
    ]
    for seed in range(5):
        rows = [row(100 * seed + 10 * len(cell) + i, cell) for cell in cells for i in range(count)]
        hold_verdict(judged(every, rows), every, rows)
        monkeypatch.setattr(detectors, "cells", lambda run, every=every: every)
        monkeypatch.setattr(detectors, "rows_of", lambda run, rows=rows: rows)
        hold_caption(detectors.sentence(object.__new__(Reading)), every, rows)


def test_a_training_that_made_nothing_better_is_still_a_training():
    cell = CellRow("lstm", 8, 999, 0, 6.5, 6.5, NAN, 200, "c", 0.9, ((1, 0),) * 5)
    rows = [row(seed) for seed in range(3)]
    assert "held out (6.500 before training)" in judged([cell], rows)
    assert "held out" not in judged([cell._replace(is_given=True)], rows)

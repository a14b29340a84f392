"""Every sentence that a comparison prints, against the networks of its table and their profiles."""

import re
from unittest import mock

import numpy as np
import pytest

from gradlab.report import verdict
from gradlab.studies.remedies import learned, spent
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.sentences import judged, sentences
from gradlab.studies.remedies.separation import nothing_apart, of_places
from tests import drawn
from tests.spoken import source
from tests.spoken_arms import hold_sentence
from tests.spoken_best import hold_judged
from tests.spoken_comparisons import beside, raw
from tests.spoken_lengths import hold_learned, hold_spent
from tests.spoken_separation import hold_nothing_apart, hold_places
from tests.spoken_training import hold_captions, hold_ends, hold_footer, hold_table
from tests.tiers import few, hundreds


def hold_comparison(seed):
    found = drawn.comparison(np.random.default_rng(seed))
    run, rows = found.run, raw(found)
    outcomes = run.outcomes()
    texts = sentences(outcomes)
    for text, row, compared in zip(texts, rows.values(), beside(rows), strict=True):
        hold_sentence(text, row, compared)
    hold_judged(judged(outcomes), rows)
    hold_nothing_apart(nothing_apart(outcomes), rows)
    hold_places(of_places(outcomes), rows)
    # All others ask for the same rows; to find them takes the most of the time.
    with mock.patch.object(TrainingRun, "outcomes", return_value=outcomes):
        assert [said for _, said in verdict.details(source(run))] == [f"{text}." for text in texts]
        up_to = learned.said(outcomes)
        hold_learned(up_to, learned.lines(outcomes, 80), rows)
        hold_spent(spent.said(outcomes), run, rows)
        parts = (nothing_apart(outcomes), *of_places(outcomes), up_to, judged(outcomes))
        assert verdict.verdict(source(run)) == " ".join(filter(None, parts))
        hold_captions(run, rows)
        hold_ends(run, rows)
        hold_footer(run, rows)
        hold_table(run, rows)


@pytest.mark.parametrize("first", few(range(0, 60, 20), (20,)))
def test_every_sentence_of_a_comparison_says_what_its_networks_did(first):
    for seed in range(first, first + 20):
        hold_comparison(seed)


@pytest.mark.parametrize("first", hundreds(slow=3, long=17))
def test_every_sentence_of_many_comparisons(first):
    for seed in range(first, first + 100):
        hold_comparison(seed)


def test_no_number_can_be_changed_unseen():
    """Another number in the place of any one of a sentence's is found out."""
    changed = 0
    for seed in range(12):
        found = drawn.comparison(np.random.default_rng(seed))
        rows, outcomes = raw(found), found.run.outcomes()
        held = [
            (text, lambda lie, row=row, compared=compared: hold_sentence(lie, row, compared))
            for text, row, compared in zip(sentences(outcomes), rows.values(), beside(rows), strict=True)
        ]
        if said := nothing_apart(outcomes):
            held.append((said, lambda lie, rows=rows: hold_nothing_apart(lie, rows)))
        for text, hold in [*held, (judged(outcomes), lambda lie, rows=rows: hold_judged(lie, rows))]:
            for digits in re.finditer(r"(?<![\w=.^])\d+(?:\.\d+)?(?![\w.])", text):
                start, end = digits.span()
                lie = f"{text[:start]}{float(digits[0]) * 1.3 + 1:.4g}{text[end:]}"
                with pytest.raises((AssertionError, ValueError, KeyError)):
                    hold(lie)
                changed += 1
    assert changed > 300


@pytest.mark.parametrize(
    "clause",
    [
        "did not help: the gradient was vanishing, not exploding",
        "a linear readout of this reservoir is not enough",
    ],
)
def test_a_form_that_nobody_knows_is_an_error(clause):
    found = drawn.comparison(np.random.default_rng(1))
    text, row = sentences(found.run.outcomes())[0], next(iter(raw(found).values()))
    with pytest.raises(AssertionError, match="no test knows"):
        hold_sentence(f"{text}; {clause}", row, None)

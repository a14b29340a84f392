"""Chapter 2: w^T by hand is w^T measured."""

import math

import numpy as np
import pytest

from gradlab.lesson import measured, sent_back, words
from tests.lesson.told import SEEDS, numbers, said


class TestSentBack:
    """Chapter 2: w^T by hand is w^T measured."""

    @pytest.mark.parametrize("w", sent_back.GAINS)
    def test_the_linear_unit_follows_the_closed_form(self, w):
        law = [lag * math.log10(w) for lag in range(sent_back.T + 1)]
        np.testing.assert_allclose(numbers("sent_back").linear[w], law, atol=1e-12)

    def test_an_orthogonal_matrix_of_gain_one_keeps_every_norm(self):
        flat = numbers("sent_back").matrix[sent_back.LINEAR, "orthogonal"]
        assert np.shape(flat) == (sent_back.DRAWS, sent_back.T + 1)
        np.testing.assert_allclose(flat, 0, atol=1e-12)

    def test_the_largest_eigenvalue_bounds_its_power_from_below(self):
        found = numbers("sent_back")
        for radius, logs in zip(found.radii, found.matrix[sent_back.LINEAR, "gaussian"], strict=True):
            assert logs[sent_back.T] >= sent_back.T * math.log10(radius) - 1e-9
            assert logs[sent_back.T] < sent_back.T * math.log10(radius) + 2
        assert len(set(found.radii)) == sent_back.DRAWS

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        """tanh changes the growing line most, and the Gaussian draws lie farther apart than the others."""
        told = said(sent_back.tell(numbers("sent_back", seed), seed))
        assert "So tanh changes the line of w = 1.1 most" in told
        assert "orthogonal matrix has 1;" in told
        assert "the Gaussian draws still lie farther apart." in told

    def test_both_columns_of_the_page_are_w_to_the_lag(self):
        told = sent_back.tell(numbers("sent_back"), 0)
        for lag, by_hand, sent in told.figures[0].drawing.rows:
            assert by_hand == sent == words.number(sent_back.W ** int(lag))

    def test_the_command_names_every_setting_that_is_not_the_default(self):
        assert measured.command(sent_back._grid(5, 3, ("gaussian",), (0.8,))) == (
            "gradlab sweep --cell 'elman(activation=identity),elman' --init gaussian --w-rec 0.8 -T 100 "
            "--hidden 3 --seeds 1 --seed 5 --precision float64"
        )

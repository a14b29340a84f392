"""Chapter 4: the wall is where the paper's closed form has it."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.lesson import bent, cliff
from gradlab.plots import error_surface
from tests.lesson.told import SEEDS


class TestCliff:
    """Chapter 4: the wall is where the paper's closed form has it."""

    def test_the_wall(self):
        assert cliff.wall(5.0) == pytest.approx(-2.6123, abs=5e-5)
        assert (cliff.START - cliff.wall(1.0)) == pytest.approx(0.62246, abs=5e-6)

    def test_the_slope_is_steepest_there_and_only_there(self):
        line = np.stack([np.full(401, 5.0), cliff.wall(5.0) + np.linspace(-0.002, 0.002, 401)], axis=1)
        steep = np.linalg.norm(np.asarray(cliff._slopes(cliff.STEPS)(line)), axis=1)
        assert abs(line[steep.argmax(), 1] - cliff.wall(5.0)) < 2e-4
        assert 5e3 < steep.max() < 8e3
        assert np.linalg.norm(np.asarray(cliff._slopes(cliff.SHORT)(line)), axis=1).max() < 10

    def test_the_error_is_the_recurrence_written_down(self):
        h, w, b = cliff.START, 4.5, -2.0
        for _ in range(cliff.STEPS):
            h = w / (1 + math.exp(-h)) + b
        wanted = (1 / (1 + math.exp(-h)) - cliff.TARGET) ** 2
        assert float(cliff._error(jnp.asarray([w, b]), cliff.STEPS)) == pytest.approx(wanted, rel=1e-12)

    def test_a_walk_is_the_descent_of_the_plot(self):
        """Both go over the cliff, where roundings grow: held to each other up to there."""
        begin = cliff.AT, cliff.wall(cliff.AT) + cliff.BESIDE
        for limit, until in ((math.inf, 6), (cliff.LIMIT, 20)):
            walk, _ = cliff._walked(limit)
            wanted = error_surface.descend(*begin, rate=cliff.RATE, clip=limit, steps=until)
            np.testing.assert_allclose(walk.places[: until + 1], wanted, rtol=1e-6)
            errors = error_surface.surface(*wanted.T).error
            np.testing.assert_allclose(walk.errors[: until + 1], errors, rtol=1e-6)
            assert len(walk.errors) == cliff.MOVES + 1

    def test_clipping_keeps_the_walk_near_and_its_error_small(self):
        (free, thrown), (clipped, kept) = (cliff._walked(limit) for limit in (math.inf, cliff.LIMIT))
        assert kept == 0
        assert thrown > cliff.STARTS[2] / 2
        assert cliff._late(clipped) < free.errors[0] < cliff._late(free)
        steps = np.linalg.norm(np.diff(clipped.places, axis=0), axis=1)
        assert steps.max() <= cliff.RATE * cliff.LIMIT * (1 + 1e-9)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_remedies_do_what_the_chapter_says(self, seed):
        adjoints, shrunk = bent.bent(seed)
        assert adjoints["as it is"][-1] > 1
        assert shrunk < 1
        plain, cut = np.array(adjoints["as it is"]), np.array(adjoints["truncated"])
        np.testing.assert_allclose(cut[: cliff.SHORT + 1], plain[: cliff.SHORT + 1])
        assert np.isneginf(cut[cliff.SHORT + 1 :]).all()
        np.testing.assert_allclose(np.array(adjoints["clipped"]) - plain, math.log10(shrunk))
        assert abs(adjoints["penalty"][-1]) < abs(plain[-1]) / 4

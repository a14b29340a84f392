"""Transports multiplied out, against other ways to the same number."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.lesson import measured
from gradlab.studies.sweep import compute, drawing
from gradlab.studies.sweep.settings import Sweep


class TestMeasured:
    """Transports multiplied out, against other ways to the same number."""

    GRID = Sweep(("gru",), ("gaussian",), (0.8, 1.5), (6,), 2, seeds=1, seed=5, precision="float64")

    def test_the_product_is_the_jacobian_of_the_unrolled_network(self):
        networks = measured.networks(self.GRID)
        cell, (drawn, _) = registry.make("cells", "gru"), drawing.draw(self.GRID)["gru"]

        def last(h, network):
            state = drawn.state._replace(h=h)
            for x in jnp.asarray(drawn.xs[network, 0, :6]):
                state = cell.step(
                    jax.tree.map(lambda leaf: jnp.asarray(leaf[network]), drawn.params), state, x
                )
            return state.h

        for network, w_rec in enumerate(self.GRID.w_rec):
            whole = jax.jacobian(last)(jnp.asarray(drawn.state.h[network]), network)
            ours = measured.transport(networks["gru", "gaussian", w_rec])
            assert ours[6] == pytest.approx(math.log10(np.linalg.norm(whole, 2)), abs=1e-12)

    def test_equal_programs_are_compiled_once_and_others_apart(self, monkeypatch):
        monkeypatch.setattr(measured, "_PROGRAMS", {})
        table = np.arange(3.0)
        runs = [
            lambda x: {"y": 2 * x},
            lambda x: {"y": 2 * x},
            lambda x: {"y": 3 * x},
            lambda x: {"y": x + table},
        ]
        found = [measured.shared(run)(jnp.ones(3))["y"].tolist() for run in runs]
        assert found == [[2, 2, 2], [2, 2, 2], [3, 3, 3], [1, 2, 3]]
        # One that holds an array is not kept: its text does not tell which.
        assert len(measured._PROGRAMS) == 2

    def test_it_draws_what_a_sweep_draws(self):
        drawn = drawing.draw(self.GRID)["gru"][0].params
        quick = drawing.draw(self.GRID, measured.shared)["gru"][0].params
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), drawn, quick)

    def test_a_product_far_below_float_range_keeps_its_norm(self):
        network = measured.Network(np.full((2000, 1, 1), 0.5), {}, slice(0, 1))
        assert measured.transport(network)[2000] == pytest.approx(-2000 * math.log10(2), rel=1e-14)
        assert measured.rate(measured.transport(network)) == pytest.approx(-math.log10(2))

    def test_shares_of_two_numbers_that_never_meet(self):
        """h is halved and c kept: at lag k the share of h is 4^-k / (4^-k + 1)."""
        jacobians, gates = np.tile(np.diag([0.5, 1.0]), (8, 1, 1)), {"f": np.array([[0.25], [0.75]])}
        parts = {"h": slice(0, 1), "c": slice(1, 2)}
        network = measured.Network(jacobians, gates, parts["c"], parts=parts)
        found = measured.inside("LSTM", "lstm", network)
        wanted = np.mean([4.0**-k / (4.0**-k + 1) for k in range(1, 9)])
        assert found.shares() == pytest.approx({"h": wanted, "c": 1 - wanted})
        assert found.openings() == {"f": 0.5}
        still = network._replace(jacobians=np.zeros((2, 2, 2)))
        assert measured.inside("LSTM", "lstm", still).shares() == {}

    @pytest.mark.long
    def test_gradlab_sweep_measures_the_same(self):
        """The sweep iterates for the largest singular value; it is a lower bound, good to 0.1 %."""
        found = next(iter(compute.run(self.GRID)))
        for network, w_rec in enumerate(self.GRID.w_rec):
            theirs = found.columns["transport"][0][0, network, 0, 0].squeeze()
            ours = measured.transport(measured.networks(self.GRID)["gru", "gaussian", w_rec])
            np.testing.assert_allclose(theirs, ours, atol=1e-3)

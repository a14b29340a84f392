"""Chapter 3: the accounts add up."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.lesson import far_left
from tests.lesson.told import SEEDS, numbers, said


class TestFarLeft:
    """Chapter 3: the accounts add up."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("far_left", seed)
        told = said(far_left.tell(found, seed))
        assert "the left end is still far below the right one" in told
        assert " better than a guess: the uses at the last steps move it most" in told
        plain, gated = (found.learned[cell] for cell in far_left.CELLS)
        assert all(row[-1] > 100 * row[0] for row in plain.change)
        assert all(row[-1] < 100 * row[0] for row in gated.change)
        assert gated.loss[-1] < 0.01 < plain.loss[-1]

    @pytest.mark.slow
    def test_the_steps_shares_are_the_change_of_the_weights(self, monkeypatch):
        monkeypatch.setattr(far_left, "UPDATES", (1, 3))
        monkeypatch.setattr(far_left, "T", 4)
        setting = far_left.setting("elman")
        key = jax.random.key(1)
        change, together, loss = (np.asarray(part) for part in far_left._training.__wrapped__(setting)(key))
        assert change.shape == (2, 4)
        assert np.all(together <= change.sum(axis=1) + 1e-12)
        assert np.isfinite(loss).all()
        # One update of plain gradient descent, written down again.
        from gradlab.studies.remedies import loop
        from gradlab.studies.remedies.networks import initialised

        start = registry.make("initializers", "orthogonal")
        network = initialised(setting, start, far_left.W_REC, far_left.RATE, key, jnp.float64)
        moved, _ = jax.jit(lambda network: loop.update(setting, network))(network)
        leaves = zip(jax.tree.leaves(moved.weights.cell), jax.tree.leaves(network.weights.cell), strict=True)
        square = sum(float(jnp.sum((new - old) ** 2)) for new, old in leaves)
        assert together[0] == pytest.approx(math.sqrt(square), rel=1e-9)

"""What the lesson trains, each without a compiler: a stack of layers, and a memory of one unit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.cells import lstm
from gradlab.lesson import domino, measured, training, valves
from tests.lesson.told import SEEDS


class TestDomino:
    """Chapter 3: the upper layers of a stack wait for the lower ones."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        fallen = domino.measure(seed)
        trained, along, held = map(domino.half, fallen)
        assert 3 * trained < along < held
        assert ", as dominoes fall one after the other." in domino.said(fallen)

    def test_a_descent_is_that_of_automatic_differentiation(self, monkeypatch):
        monkeypatch.setattr(domino, "UPDATES", 2)
        rng = np.random.default_rng(5)
        layers = [(rng.normal(size=size), rng.normal(size=size[0])) for size in ((3, 2), (3, 3), (1, 3))]
        x, y = rng.normal(size=(4, 2)), np.array([1.0, -1.0, -1.0, 1.0])

        def loss(layers):
            h = x
            for w, b in layers[:-1]:
                h = jnp.tanh(h @ w.T + b[None])
            return jnp.log1p(jnp.exp(-y * (h @ layers[-1][0].T + layers[-1][1][None])[:, 0])).mean()

        with jax.enable_x64(True):
            value, slope = jax.value_and_grad(loss)(layers)
            wanted = jax.tree.map(lambda leaf, g: leaf - domino.RATE * g, layers, slope)
            after = float(loss(wanted))
        _, losses = domino.descend(layers, x, y)
        np.testing.assert_allclose(losses, [float(value), after], rtol=1e-12)
        moved, _ = domino.descend(layers, x, y, held=(0, 1))
        for (w, b), (held_w, held_b) in zip(layers[:2], moved[:2], strict=True):
            np.testing.assert_array_equal(w, held_w)
            np.testing.assert_array_equal(b, held_b)
        assert not np.array_equal(layers[2][0], moved[2][0])


class TestTraining:
    """Chapter 3: the LSTM learns to remember a first symbol, the tanh network does not."""

    @pytest.mark.parametrize("seed", SEEDS[:10])
    def test_its_story_holds(self, seed):
        assert self.holds(training.measure(seed))

    @pytest.mark.long
    def test_its_story_holds_for_95_of_100_seeds(self):
        """Of the others the sentence says that both have learned it, or neither; here it is two."""
        assert sum(self.holds(training.measure(seed)) for seed in range(100)) >= 95

    def holds(self, found):
        tanh, lstm = (training.end(course) / training.CHANCE for course in found.course.values())
        sent = [course.sent[0][0] / course.sent[0][-1] for course in found.course.values()]
        assert sent[0] < 1e-6 < 1e-3 < sent[1]
        return lstm < training.PART < tanh


class TestValves:
    """Chapter 6: what a unit has learned."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = valves.measure(seed)
        assert valves.parted(found)
        assert found.right > 0.99
        f, i, _, c, o, out = np.array(found.walk).T
        genders = [1, 1, 1, 1, 1, -1, -1, -1, -1]
        assert np.all(np.sign(c) == genders)
        kinds = np.array([kind for _, kind, _ in valves.WORDS])
        asked = kinds == valves.ASKED
        assert np.all(np.sign(out[asked]) == np.array(genders)[asked])
        assert o[asked].min() > valves.CLEAR * o[~asked].max()
        assert f[5] < valves.SHUT < valves.OPEN < np.delete(f, [0, 5]).min()
        assert i[kinds == valves.OBJECT].max() < valves.SHUT < valves.OPEN < i[kinds == valves.SUBJECT].min()

    def test_the_unit_is_the_cell_and_its_slope_automatic_differentiation(self):
        rng = np.random.default_rng(3)
        weights = rng.normal(size=(5, 5))
        xs, targets, _ = (part[:5] for part in valves.texts(rng, 2))
        cell = registry.make("cells", "lstm")

        def loss(weights):
            made = lstm.Params(weights[:4, None, :3], weights[:4, 3][:, None, None], weights[:4, 4][:, None])

            def text(given):
                state, shown = lstm.State(jnp.zeros(1, float), jnp.zeros(1, float)), []
                for x in jnp.asarray(given):
                    state = cell.step(made, state, x)
                    shown.append(weights[4, 0] * state.h[0])
                return jnp.stack(shown)

            return jnp.mean((jnp.stack([text(xs[:, k]) for k in range(2)], axis=1) - targets) ** 2)

        with jax.enable_x64(True):
            value, by = measured.quick(jax.value_and_grad(loss))(jnp.asarray(weights))
        ours, our_by = valves.slope(weights, xs, targets)
        assert ours == pytest.approx(float(value), rel=1e-12)
        np.testing.assert_allclose(our_by, by, atol=1e-12)

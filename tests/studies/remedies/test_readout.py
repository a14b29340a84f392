"""The readout in closed form, against least squares on the features collected by a plain loop."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.studies.remedies import readout
from gradlab.studies.remedies.losses import evaluate
from tests.remedies.training import Follow, close, equal, setting, untrained

CELL = "esn(density=1.0, leak=1.0)"


@dataclasses.dataclass(frozen=True)
class Classes(Follow):
    """Two classes, by the sign of the first input."""

    sizes = (2, 2)

    def sample(self, key, T):
        example = super().sample(key, T)
        return example._replace(target=(example.xs[:, 0] > 0).astype(jnp.int32))

    def loss(self, outputs, example):
        wrong = (outputs.argmax(axis=1).astype(jnp.int32) != example.target).astype(outputs.dtype)
        return (wrong * example.counted).sum() / example.counted.sum()


def collected(of, one, updates):
    """Features with a column of ones, and targets, at the counted steps of all sequences."""
    rows, wanted = [], []
    for count in range(updates):
        keys = jax.random.split(jax.random.fold_in(one.key, count), of.batch)
        for key in keys:
            example, state = of.task.sample(key, of.T), one.state
            for t, x in enumerate(example.xs):
                state = of.cell.step(one.weights.cell, state, x)
                if example.counted[t]:
                    rows.append(np.append(np.asarray(state.h), 1.0))
                    wanted.append(np.asarray(example.target[t]))
    return np.array(rows), np.array(wanted)


@pytest.mark.parametrize(
    "task",
    [Follow(every=True), Follow(every=True, length=3), Classes(every=True)],
    ids=["numbers", "short", "classes"],
)
def test_is_numpys_least_squares(task):
    updates = 4
    of = setting(cell=CELL, task=task, T=4)
    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(untrained(of, seed) for seed in (0, 1)))
    found, evaluation = readout.fit(of, networks, updates, jax.random.key(5))
    for i in range(2):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], networks)
        rows, wanted = collected(of, one, updates)
        wanted = np.eye(2)[wanted] if task.sizes[1] == 2 else wanted
        # Ridge regression is least squares with a row more for each weight.
        penalty = np.sqrt(readout.RIDGE * (rows**2).sum() / rows.shape[1])
        padded = np.concatenate([rows, penalty * np.eye(rows.shape[1])])
        expected = np.linalg.lstsq(padded, np.concatenate([wanted, 0 * wanted[: rows.shape[1]]]))[0]
        solution = np.concatenate([found.weights.w_out[i].T, found.weights.b_out[i][None]])
        np.testing.assert_allclose(solution, expected, rtol=1e-6, atol=1e-9)
        fresh = one._replace(weights=jax.tree.map(lambda leaf, i=i: leaf[i], found.weights))
        judged = evaluate(of, fresh, jax.random.key(5), of.eval_size)
        close((evaluation.loss[i], evaluation.error[i]), judged, rtol=1e-9)
    equal(found.weights.cell, networks.weights.cell)
    assert list(found.updates) == [updates] * 2
    assert not np.asarray(found.broken).any()

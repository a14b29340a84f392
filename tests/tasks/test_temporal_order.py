import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.temporal_order import TemporalOrder
from gradlab.testing.sequences import draw, one

PLACES = {2: (10, 50), 3: (10, 30, 60)}


@pytest.mark.parametrize("symbols", [2, 3])
def test_symbols_stand_where_they_were_published(symbols):
    """For T = 100, in [10, 20) and [50, 60), or [10, 20), [30, 40) and [60, 70); distractors elsewhere."""
    task = TemporalOrder(symbols=symbols)
    examples = draw(task, 100, 300)
    row = examples.xs.argmax(axis=2)
    np.testing.assert_array_equal(examples.xs.sum(axis=2), 1)
    relevant = row < 2
    inside = np.zeros(100, bool)
    for start in PLACES[symbols]:
        np.testing.assert_array_equal(relevant[:, start : start + 10].sum(axis=1), 1)
        inside[start : start + 10] = True
    assert not relevant[:, ~inside].any()
    np.testing.assert_array_equal(relevant.any(axis=0), inside)
    # The class is the symbols read as a binary number, the first one lowest.
    order = row[relevant].reshape(300, symbols)
    np.testing.assert_array_equal(examples.target[:, -1], order @ 2 ** np.arange(symbols))
    assert set(np.unique(examples.target[:, -1])) == set(range(2**symbols))


@pytest.mark.parametrize(("symbols", "loss"), [(2, 1.386), (3, 2.079)])
def test_chance_is_the_published_one(symbols, loss):
    task = TemporalOrder(symbols=symbols)
    assert task.chance(50) == pytest.approx(loss, abs=5e-4)
    example = one(task, 12)
    equal = jnp.zeros((12, 2**symbols))
    assert task.loss(equal, example) == pytest.approx(task.chance(12), rel=1e-14)
    assert task.chance(12) == math.log(2**symbols)


@pytest.mark.parametrize("symbols", [1, 4])
def test_two_or_three_symbols(symbols):
    with pytest.raises(ValueError, match=rf"symbols={symbols} must be 2 or 3"):
        TemporalOrder(symbols=symbols)

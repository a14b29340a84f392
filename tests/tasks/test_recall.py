import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.recall import Recall
from gradlab.testing.sequences import COUNT, drawn, one, varied


@pytest.mark.parametrize("every", [True, False])
def test_the_next_symbol_is_asked_and_the_last_is_the_first(every):
    examples = drawn(varied(Recall(symbols=7, every=every)))
    row, b = examples.xs.argmax(axis=2), np.arange(COUNT)
    last = examples.length - 1
    np.testing.assert_array_equal(examples.target[b, last], row[:, 0])
    assert set(np.unique(row[:, 0])) == {0, 1}
    middle = (np.arange(7) > 0) & (np.arange(7) <= last[:, None])
    assert set(np.unique(row[middle])) == set(range(2, 7))
    if every:
        before = np.arange(6) < last[:, None]
        np.testing.assert_array_equal(examples.target[:, :-1][before], row[:, 1:][before])


@pytest.mark.parametrize(("every", "form"), [(True, "many to many"), (False, "many to one")])
def test_form_follows_what_is_judged(every, form):
    assert Recall(every=every).form == form
    counted = drawn(varied(Recall(symbols=7, every=every))).counted.sum(axis=1)
    assert (counted == 1).all() == (not every)


def test_equal_odds_where_nothing_can_be_known_lose_exactly_the_chance_level():
    task = Recall(symbols=7)
    example = one(task, 6)
    outputs = np.full((6, 7), -1e3)
    outputs[:5, 2:] = 0
    outputs[5, :2] = 0
    assert task.loss(jnp.asarray(outputs), example) == pytest.approx(task.chance(6), rel=1e-14)
    assert task.chance(6) == pytest.approx((5 * math.log(5) + math.log(2)) / 6, rel=1e-15)
    assert Recall(every=False).chance(6) == math.log(2)


def test_the_error_reads_the_last_step_alone():
    task = Recall(symbols=5)
    example = one(task, 4)
    outputs = np.zeros((4, 5))
    outputs[3] = np.eye(5)[example.target[3]]
    assert task.error(jnp.asarray(outputs), example) == 0
    assert task.error(jnp.asarray(np.roll(outputs, 1, axis=1)), example) == 1


def test_at_least_three_symbols():
    with pytest.raises(ValueError, match=r"symbols=2 must be at least 3"):
        Recall(symbols=2)

import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.tasks.copy import Copy
from gradlab.testing.sequences import drawn, one, varied


def by_hand(symbols, length, n=10, blank=8):
    """Inputs and outputs of the published task, written out as a list."""
    wait = length - 2 * n
    return [*symbols, *[blank] * (wait - 1), blank + 1, *[blank] * n], [*[blank] * (wait + n), *symbols]


def test_equals_the_published_row_written_by_hand():
    examples = drawn(varied(Copy()))
    for b in range(40):
        length = examples.length[b]
        row = examples.xs[b, :length].argmax(axis=1).tolist()
        inputs, outputs = by_hand(row[:10], length)
        assert row == inputs
        assert examples.target[b, :length].tolist() == outputs
        assert max(row[:10]) < 8


@pytest.mark.parametrize(
    ("wait", "loss"),
    [(50, 0.2971), (100, 0.1733), (200, 0.0945), (500, 0.0400), (1000, 0.0204), (2000, 0.0103)],
)
def test_chance_is_the_published_one(wait, loss):
    assert Copy().chance(wait + 20) == pytest.approx(loss, abs=5e-5)


def test_who_knows_when_but_not_what_loses_exactly_the_chance_level():
    task = Copy(symbols=3, categories=5)
    example = one(task, 12)
    outputs = np.full((12, 6), -1e3)
    outputs[:9, 5] = 0
    outputs[9:, :5] = 0
    assert task.loss(jnp.asarray(outputs), example) == pytest.approx(task.chance(12), rel=1e-14)
    assert task.chance(12) == pytest.approx(3 * math.log(5) / 12, rel=1e-15)


def test_the_error_reads_the_answers_alone():
    task = Copy(symbols=4, categories=3)
    example = one(task, 20)
    right = np.eye(4)[example.target]
    wrong = right.copy()
    wrong[-1] = np.roll(wrong[-1], 1)
    assert task.error(jnp.asarray(wrong), example) == 0.25
    assert task.error(jnp.asarray(np.tile(np.eye(4)[3], (20, 1))), example) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"symbols": 0}, r"symbols=0 must be at least 1"),
        ({"categories": 1}, r"categories=1 must be at least 2"),
    ],
)
def test_settings_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        Copy(**settings)

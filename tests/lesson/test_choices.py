"""Which answer is true is what the numbers of a run say; every figure has answers to choose from."""

import importlib
import math

import pytest

from gradlab import lesson
from gradlab.lesson import choices, cliff, domino, training, valves
from tests.lesson.test_sentences import course


@pytest.mark.parametrize(("trained", "right"), [(5, "yes, they wait"), (400, "no"), (math.inf, "no")])
def test_whether_they_wait(trained, right):
    lines = (tuple(0.6 if k < at else 0.1 for k in range(domino.UPDATES)) for at in (trained, 90, 500))
    found = domino.figure(domino.Fallen(*lines)).choices
    assert found.answers[found.right] == right


@pytest.mark.parametrize(
    ("tanh", "lstm", "right"),
    [(1, 0.01, "the LSTM alone"), (0.01, 1, "the tanh network alone"), (0.5, 0, "both"), (1, 1, "neither")],
)
def test_who_learns(tanh, lstm, right):
    pair = dict(zip(training.CELLS, (course(tanh), course(lstm)), strict=True))
    found = choices.most("Which?", training._learn(training.Numbers({}, pair, 0)))
    assert found.answers[found.right] == right


def test_where_the_forget_gate_is_less_open():
    made = valves.Valves((0.1, 0.9), (0.9, 0.1), (0.9, 0.1), 1.0, ((0.5,) * 6,) * len(valves.WORDS))
    for given, right in ((made, 0), (made._replace(forget=(0.9, 0.1)), 1)):
        assert valves.figure(given).choices.right == right


def test_what_moves_a_line_as_a_whole():
    plain = (0.0, 1.0, 2.0)
    assert cliff._bend((-1.0, 0.0, 1.0), plain) == 0
    assert cliff._bend((0.0, 0.5, 1.0), plain) == 1
    assert cliff._bend((0.0, 1.0, -math.inf), plain) == math.inf


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "reading" else pytest.mark.slow) for n in lesson.CHAPTERS],
)
def test_every_figure_asks(name):
    module = importlib.import_module(f"gradlab.lesson.{name}")
    for figure in module.tell(module.measure(0), 0).figures:
        found = figure.choices
        assert found is not None, figure.name
        assert 2 <= len(found.answers) == len(set(found.answers))
        assert 0 <= found.right < len(found.answers)
        assert found.asked.endswith(("?", "weights"))


def test_a_tie_is_not_asked():
    assert choices.most("Which?", {"a": 1.0, "b": 2.0, "c": 2.0}) is None
    assert choices.least("Which?", {"a": 1, "b": 1}) is None
    assert choices.least("Which?", {"a": 1, "b": 0}).right == 1

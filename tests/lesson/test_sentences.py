"""Sentences of the lesson that depend on a seed: told from made-up numbers, they say what these say."""

import math

import numpy as np
import pytest

from gradlab.lesson import answers, cliff, domino, far_left, training, unrolled, valves, variants
from gradlab.lesson.parts import Inside
from tests.lesson.told import INSIDE


def said(chapter):
    return " ".join([*chapter.paragraphs, *(f.answer for f in chapter.figures), *chapter.closing])


@pytest.mark.parametrize(
    ("adjoint", "words"),
    [
        ((0.1, 0.2, 0.4), "has come down by a factor of 4 over"),
        ((0.4, 0.2, 0.1), "has grown by a factor of 4 over"),
    ],
)
def test_the_error_of_one_term_falls_or_grows(adjoint, words):
    adjoint = (*adjoint[:1], *adjoint[1:2] * (unrolled.T - 2), *adjoint[2:])
    ways = tuple(unrolled.Way(title, adjoint, (0.0,) * unrolled.T, 1.0, 1e-16) for title, _ in unrolled.FORMS)
    assert words in said(unrolled.tell(unrolled.Numbers(ways), 0))


def learned(last, ratio):
    change = tuple(
        tuple(1.0 + (ratio - 1) * t / (far_left.T - 1) for t in range(far_left.T)) for _ in range(3)
    )
    return far_left.Learned(change, (1.0, 1.0, 1.0), (0.7, 0.6, last))


@pytest.mark.parametrize(
    ("last", "ratio", "words", "never"),
    [
        (0.01, 100.0, "has learned it in the end", "guess:"),
        (0.3, 100.0, "has learned a part of it", "in the end"),
        (0.68, 100.0, "does little better than a guess: the uses at the last steps move it most", "learned"),
        (0.71, 100.0, "The tanh network does no better than a guess", "learned"),
        (0.68, 0.5, "does little better than a guess.", "move it most"),
        (0.01, 2.0, "the left end has come near to the right one, or passed it", "far below"),
        (0.01, 100.0, "the left end is still far below the right one", "come near"),
    ],
)
def test_how_far_the_tanh_network_has_come(last, ratio, words, never):
    """A guess costs ln 2 = 0.693."""
    stack = domino.Fallen(*((0.1,) * domino.UPDATES,) * 3)
    first = training.Numbers({}, dict.fromkeys(training.CELLS, course(0.1)), 0)
    first = first._replace(start=dict.fromkeys(training.CELLS, training.Weights(*(np.zeros(1),) * 5)))
    found = far_left.Numbers(dict.fromkeys(far_left.CELLS, learned(last, ratio)), math.log(2), stack, first)
    told = far_left.tell(found, 0)
    text = said(told._replace(figures=told.figures[:1]))
    assert words in text
    assert never not in text.partition("After 10 updates")[2].replace("guessing", "")


def course(share, sent=(1e-9, 0.1)):
    """Losses that end at a share of a guess's."""
    losses = (training.CHANCE,) * (training.UPDATES - training.LAST) + (
        share * training.CHANCE,
    ) * training.LAST
    return training.Course(losses, (sent,) * training.UPDATES)


@pytest.mark.parametrize(
    ("tanh", "lstm", "words"),
    [
        (1.0, 0.01, "the tanh network has not learned it, the LSTM has learned it."),
        (0.5, 0.95, "the tanh network has learned a part of it, the LSTM has not learned it."),
        (0.01, 0.2, "the tanh network has learned it, the LSTM has learned a part of it."),
    ],
)
def test_who_has_learned_the_first_symbol(tanh, lstm, words):
    pair = dict(zip(training.CELLS, (course(tanh), course(lstm, (0.0, 0.1))), strict=True))
    text = training.said(training.Numbers({}, pair, 0))
    assert words in text
    assert "is 1.00 · 10^{−8} of |dL/dh_{30}| in the tanh network and 0 in the LSTM" in text
    assert ("noise that the other steps send" in text) == (tanh == 1.0)


@pytest.mark.parametrize(
    ("halved", "words"),
    [
        ((5, 90, 400), "need 5 updates on top of lower ones that are trained already, 90 updates on top"),
        ((5, 90, 400), "as long as the layers below have not learned, as dominoes fall"),
        ((5, 90, math.inf), "and more than 1000 updates on top of ones that never learn. They wait"),
        ((5, 90, 60), "though here it helps no more that the lower ones learn, too."),
        ((5, math.inf, math.inf), "though here it helps no more"),
        ((90, 90, 400), "Here they do not wait."),
        ((math.inf, math.inf, 400), "Here they do not wait."),
    ],
)  # fmt: skip
def test_whether_the_upper_layers_wait(halved, words):
    lines = (tuple(0.6 if k < at else 0.1 for k in range(domino.UPDATES)) for at in halved)
    assert words in domino.said(domino.Fallen(*lines))


WALK = cliff.Walk(((5.0, -2.5), (5.1, -2.6), (5.0, -2.7)), (0.02, 0.03, 0.01), 1e-9)


def walked(free, clipped):
    line = (0.0,) * (cliff.T + 1)
    cut = tuple(log if lag <= cliff.SHORT else -math.inf for lag, log in enumerate(line))
    adjoints = {"as it is": line, "truncated": cut, "penalty": line, "clipped": line}
    slopes = ((0.0,) * cliff.CELLS[0],) * cliff.CELLS[1]
    return cliff.Numbers(slopes, (-2.6, 6e3), 3.0, 0.1, free, clipped, (7, 3), adjoints, 1.0)


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (((5.0, -2.5), (9.0, 4.0), (9.0, 4.0)), "and stays there: the error is flat, |dE/d(w, b)| = 1.00"),
        (((5.0, -2.5), (9.0, 4.0), (9.0, 4.002)), "and goes on from there to w = 9, b = 4."),
    ],
)
def test_where_the_plain_walk_lands(places, words):
    text = said(cliff.tell(walked(WALK._replace(places=places), WALK), 0))
    assert "Step 1 of the plain walk is its longest, 7.63: it lands at w = 9, b = 4, where E = 0.03" in text
    assert words in text
    assert "7 plain walks end more than 1 away from where they began, and 3 clipped ones" in text


@pytest.mark.parametrize(
    ("b", "words"),
    [
        ((-2.5, -2.55, -2.6), "It never steps over the wall."),
        ((-2.5, -2.6, -2.65), "It steps over the wall once, up to E = 0.03, but lands beside it."),
        ((-2.5, -2.65, -2.5), "It steps over the wall 2 times, up to E = 0.03, but lands beside it."),
    ],
)
def test_how_often_the_clipped_walk_crosses(b, words):
    """At w = 5 the wall is at b = -2.6123."""
    places = tuple((5.0, one) for one in b)
    assert words in said(cliff.tell(walked(WALK, WALK._replace(places=places)), 0))


@pytest.mark.parametrize(
    ("end", "shrunk", "words"), [(4.0, 0.01, "grows from 1 to"), (-4.0, 1.0, "falls from 1 to")]
)
def test_the_adjoint_of_the_cliff_grows_or_falls(end, shrunk, words):
    line = tuple(end * lag / cliff.T for lag in range(cliff.T + 1))
    cut = tuple(log if lag <= cliff.SHORT else -math.inf for lag, log in enumerate(line))
    adjoints = {"as it is": line, "truncated": cut, "penalty": line, "clipped": line}
    found = walked(WALK, WALK)._replace(adjoints=adjoints, shrunk=shrunk)
    text = said(cliff.tell(found, 0))
    assert words in text
    assert ("the same line, lower." in text) == (shrunk < 1)


@pytest.mark.parametrize(("log", "words"), [(1.2, "from adding to it"), (-0.3, "from taking from it")])
def test_what_the_other_ways_do_to_the_memory(log, words):
    flat = (0.0,) * (answers.T + 1)
    plain = {"orthogonal": (flat,) * 2, "gaussian": (flat, (*flat[:-1], -3.0))}
    steps = (answers.Gates(0.1, 0.5, 0.2, 0.5, 0.1, 0.05),) * answers.STEPS
    recalled = (1.0,) * (answers.BACK + 1)
    found = answers.Numbers(plain, flat, flat, (*flat[:-1], log), flat, recalled, 0.9, steps, INSIDE)
    assert words in said(answers.tell(found, 0))
    assert "What it gives is certainty: its draws lie within a factor of 1, those" in said(
        answers.tell(found, 0)
    )
    swapped = found._replace(plain={"orthogonal": plain["gaussian"], "gaussian": plain["orthogonal"]})
    assert "certainty" not in said(answers.tell(swapped, 0))


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.8, "80.0% arrives in c and 20.0% in h, which feeds the gates: more in"), (0.4, "not more in")],
)
def test_where_more_arrives(share, words):
    """In chapter 5, from the shares of c and of h."""
    found = INSIDE._replace(values=INSIDE.values | {"share c": share, "share h": 1 - share})
    flat = (0.0,) * (answers.T + 1)
    lines = {"orthogonal": (flat,), "gaussian": (flat,)}
    steps = (answers.Gates(0.1, 0.5, 0.2, 0.5, 0.1, 0.05),) * answers.STEPS
    numbers = answers.Numbers(lines, flat, flat, flat, flat, (1.0,) * (answers.BACK + 1), 0.9, steps, found)
    assert words in said(answers.tell(numbers, 0))


GATES_OF = {
    valves.SUBJECT: (0.1, 0.8, 0.9, 0.7, 0.1, 0.0),
    valves.OBJECT: (0.9, 0.1, -0.9, 0.6, 0.1, 0.0),
    valves.ASKED: (0.9, 0.4, 0.1, 0.6, 0.6, 1.0),
    valves.OTHER: (0.9, 0.4, 0.0, 0.6, 0.1, 0.0),
}
WALK_OF_VALVES = tuple(GATES_OF[kind] for _, kind, _ in valves.WORDS)
VALVES = valves.Valves((0.1, 0.9), (0.8, 0.1), (0.6, 0.1), 1.0, WALK_OF_VALVES)


@pytest.mark.parametrize(
    ("change", "parted"),
    [
        ({}, True),
        ({"forget": (0.3, 0.9)}, False),
        ({"forget": (0.1, 0.5)}, False),
        ({"write": (0.5, 0.1)}, False),
        ({"write": (0.8, 0.3)}, False),
        ({"show": (0.6, 0.25)}, False),
        ({"walk": (*WALK_OF_VALVES[:-1], (0.9, 0.4, 0.1, 0.6, 0.2, 1.0))}, False),
        ({"walk": (*WALK_OF_VALVES[:2], (0.9, 0.3, 0.1, 0.6, 0.1, 1.0), *WALK_OF_VALVES[3:])}, False),
    ],
)
def test_whether_the_gates_part_the_words(change, parted):
    text = valves.said(VALVES._replace(**change))
    assert ("forgotten and replaced in one step" in text) == parted
    assert ("do not part the words clearly" in text) != parted
    assert "100.0% of the endings are right." in text


def inside(label, share):
    """What was measured inside of a cell; where it has two parts, so much arrives in c."""
    if label == "gru":
        return Inside("GRU", label, ("h",), {"r": 0.5, "z": 0.6})
    values = {"i": 0.4, "f": 0.8, "o": 0.5, "share h": 1 - share, "share c": share}
    return Inside(variants.CELLS[label], label, ("h", "c"), values)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.9, 0.8, 0.7), "90.0% (LSTM), 80.0% (peephole) and 70.0% (coupled): more than in h."),
        ((0.1, 0.2, 0.3), "less than in h."),
        ((0.1, 0.8, 0.3), "30.0% (coupled): against the rest in h."),
    ],
)
def test_where_more_arrives_in_the_makes(shares, words):
    line = (0.0,) * (variants.T + 1)
    each = dict(zip(variants.CELLS, (*shares, 0, 0.5, 0.5), strict=True))
    cells = {
        label: variants.Cell(2, 100, 0.7, line, line, line, -0.1, inside(label, share))
        for label, share in each.items()
    }
    text = said(variants.tell(variants.Numbers(cells, VALVES, {}), 0))
    assert words in text
    assert "by f, 0.8 (LSTM), 0.8 (peephole) and 0.8 (coupled); in the GRU by z = 0.6." in text


def test_the_cell_that_carries_farthest_is_the_one_that_does():
    cells = {}
    for k, label in enumerate(variants.CELLS):
        logs = tuple(-0.01 * (k + 1) * lag for lag in range(variants.T + 1))
        cells[label] = variants.Cell(4, 100 + k, 0.7, logs, logs, logs, -0.01 * (k + 1), inside(label, 0.7))
    text = said(variants.tell(variants.Numbers(cells, VALVES, {}), 0))
    assert f"Of these {len(cells)} networks {next(iter(variants.CELLS.values()))} carries farthest" in text


@pytest.mark.parametrize(
    ("gru", "words"), [(-0.1, "changes the rate more than a gate"), (-0.9, "rate no more than a gate")]
)
def test_whether_the_bias_or_a_gate_changes_the_rate(gru, words):
    rates = {"LSTM, bias 0": -0.2, "LSTM": -0.1, "LSTM, bias 3": 0.3, "GRU": gru}
    line = (0.0,) * (variants.T + 1)
    cells = {
        label: variants.Cell(2, 100, 0.7, line, line, line, rates.get(name, -0.1), inside(label, 0.7))
        for label, name in variants.CELLS.items()
    }
    text = said(variants.tell(variants.Numbers(cells, VALVES, {}), 0))
    assert words in text
    assert "The LSTM's rate is −0.2, −0.1 and 0.3 with the biases 0, 1 and 3." in text

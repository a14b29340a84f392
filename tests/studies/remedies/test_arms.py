"""From the text of an arm to what it does, its label, and what cannot be combined."""

import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import acting, arms

LABELS = {
    "none": "none",
    " clip_norm ": "clip_norm",
    "clip_norm(1.0)": "clip_norm",
    "clip_norm(threshold=1e+3)": "clip_norm(threshold=1000.0)",
    "clip_norm(2.0) + orthogonal": "clip_norm(threshold=2.0)+orthogonal",
    "clip_value(1e-3)+clip_norm": "clip_value(threshold=0.001)+clip_norm",
    "lstm(forget_bias = 2)": "lstm(forget_bias=2.0)",
    "lstm(forget_bias=1.0)": "lstm",
    "init(orthogonal)": "orthogonal",
    "cell(lstm)+init(identity)": "lstm+identity",
    "cell(orthogonal)": "cell(cell=orthogonal)",
    "stacked(cell=gru, layers=3)": "stacked(cell=gru, layers=3)",
}


@pytest.mark.parametrize("text", LABELS)
def test_label_is_canonical_and_names_the_same_arm(text):
    made = arms.arm(text, "elman", "gaussian")
    assert made.label == LABELS[text]
    again = arms.arm(made.label, "elman", "gaussian")
    assert (again.label, again.cell) == (made.label, made.cell)


def test_none_is_the_plain_cell_and_start():
    made = arms.arm("none", "gru", "orthogonal")
    assert made.cell == registry.make("cells", "gru")
    assert made.initializer == registry.make("initializers", "orthogonal")
    assert made.remedy == arms.Remedy()
    assert not made.closed_form


def test_a_name_that_is_a_start_and_a_cell_is_the_start():
    both = set(registry.names("cells")) & set(registry.names("initializers"))
    for name in both:
        made = arms.arm(name, "elman", "gaussian")
        assert made.cell == registry.make("cells", "elman")
        assert arms.arm(f"cell({name})", "elman", "gaussian").cell == registry.make("cells", name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has an empty part; write remedy+remedy"),
        ("clip_norm+", "has an empty part"),
        ("none+clip_norm", "none cannot be combined; it is always an arm"),
        ("clip_nrm", "no remedy called 'clip_nrm'; did you mean clip_norm?"),
        ("clip_norm(-1.0)", "threshold=-1.0 must be positive and finite"),
        ("clip_norm(limit=1.0)", "no setting of clip_norm called 'limit'"),
        ("truncate(0)", "k=0 must be at least 1"),
        ("truncate(1.5)", "whole number"),
        ("lstm+gru", "lstm and gru both replace the cell; keep one"),
        (
            "orthogonal+clip_norm+identity",
            "orthogonal and identity both replace the initialisation; keep one",
        ),
        ("init(orthogonal)+identity", "init(orthogonal) and identity both replace the initialisation"),
        ("forget_bias", "forget_bias needs a cell with a setting forget_bias; elman is not one"),
        ("esn+clip_norm", "clip_norm cannot act on esn, which trains its readout in closed form"),
        ("truncate(3)+esn", "truncate(3) cannot act on esn"),
        ("omega+esn", "omega cannot act on esn"),
    ],
)
def test_what_is_not_possible_is_refused_in_one_line(text, words):
    with pytest.raises(GradlabError) as caught:
        arms.arm(text, "elman", "gaussian")
    assert caught.value.where in ("--remedy", "--cell")
    assert words in str(caught.value)


@pytest.mark.parametrize(("cell", "D", "O", "N"), [("elman", 2, 1, 50), ("lstm", 3, 4, 7), ("gru", 1, 1, 1)])
def test_count_is_every_number(cell, D, O, N):
    gates = {"elman": 1, "lstm": 4, "gru": 3}[cell]
    biases = gates * N
    found = arms.count(registry.make("cells", cell), (D, O), N)
    assert found - gates * N * (N + D) - O * (N + 1) in (biases, biases + N)


@pytest.mark.ends
@pytest.mark.parametrize("numbers", [10, 2651, 40000])
@pytest.mark.parametrize("spec", ["elman", "lstm", "gru", "indrnn", "stacked(cell=lstm)", "esn"])
def test_matched_parameters_lie_within_one_units_worth(spec, numbers):
    cell, sizes = registry.make("cells", spec), (2, 1)
    n = arms.matched(cell, sizes, numbers)
    here = arms.count(cell, sizes, n)
    assert abs(here - numbers) <= arms.count(cell, sizes, n + 1) - here or n == 1
    for other in (n - 1, n + 1):
        assert other < 1 or abs(arms.count(cell, sizes, other) - numbers) >= abs(here - numbers)


def test_the_plain_cell_keeps_its_n():
    cell = registry.make("cells", "elman")
    for n in (1, 2, 3, 50):
        assert arms.matched(cell, (2, 1), arms.count(cell, (2, 1), n)) == n


def test_penalties_are_added_and_adjoints_go_one_after_the_other():
    trail, seen = object(), []
    made = acting.together(
        [
            arms.Remedy(penalty=lambda t: np.float64(2.0), adjoint=lambda lag, a: seen.append(1) or a + 1),
            arms.Remedy(),
            arms.Remedy(penalty=lambda t: np.float64(3.0), adjoint=lambda lag, a: seen.append(2) or 10 * a),
        ]
    )
    assert made.penalty(trail) == 5.0
    assert made.adjoint(0, 1) == 20
    assert seen == [1, 2]
    assert made.gradients is None

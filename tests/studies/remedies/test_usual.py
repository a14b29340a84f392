"""A comparison that names no arm has those of the usual ones that its cell can have."""

import pytest

from gradlab.errors import GradlabError
from gradlab.studies.remedies import usual, work
from gradlab.studies.remedies.settings import PRESETS, QUICK, Training
from tests.cli.calling import gradlab


def asked(cell, **changed):
    return Training(**{"task": "latch", "cell": cell, "T": (5,), "hidden": 4} | PRESETS["quick"] | changed)


def test_of_the_plain_cell_all_are_there_and_nothing_is_said():
    assert usual.possible(asked("elman")) == (asked("elman"), "")


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lru"])
def test_what_a_cell_cannot_have_is_left_out_and_named(cell):
    left, told = usual.possible(asked(cell))
    out = {*QUICK} - {*left.remedies}
    assert out == {"clip_norm+omega"} | ({"gru"} & {cell})
    assert told.startswith(f"Left out for {cell}: clip_norm+omega (not possible)")
    assert ("gru (the plain arm itself)" in told) == (cell == "gru")
    work.check(left)


def test_a_cell_that_is_fitted_at_once_keeps_what_acts_on_no_gradient():
    left, told = usual.possible(asked("esn"))
    assert left.remedies == ("none", "orthogonal", "lstm", "gru")
    assert told.count("(not possible)") == 3
    assert told.endswith("esn (the plain arm itself).")


def test_another_mistake_is_not_taken_for_it():
    with pytest.raises(GradlabError, match="the least T is"):
        usual.possible(asked("gru", task="adding", T=(1,)))


@pytest.mark.slow
def test_the_command_says_it_and_what_its_user_names_is_refused():
    words = ("remedies", "latch", "--cell", "gru", "-T", "5", "--hidden", "4", "--dry-run")
    said = gradlab(*words)
    assert said.code == 0
    assert "Left out for gru: clip_norm+omega (not possible), gru (the plain arm itself).\n" in said.err
    refused = gradlab(*words, "-r", "omega")
    assert refused.code == 2
    assert "omega needs a cell whose state is one activation" in refused.err

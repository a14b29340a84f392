"""What a member of another package states beside its programs is part of its code."""

import sys

import pytest

from tests import brought, stale
from tests.cli.calling import gradlab as command
from tests.tiers import few

write, package = stale.write, brought.package
GRID = ("sweep", "--hidden", 3, "--seeds", 2, "-T", 4, "--w-rec", 1, "--quiet", "--out", "r", "--name", "one")
CELL = stale.CELL.replace(
    "class Cell:\n",
    """class Cell:
    fixed = ("u",)
    has_gain = True

    def recurrent(self, params):
        return params["w_rec"]

""",
)
STATED = {
    "fixed": ('("u",)', '("w_rec",)', "another choice of fixed parameters of stale:Cell"),
    "gain": ("has_gain = True", "has_gain = False", "another use of w_rec of stale:Cell"),
    "recurrent": (
        'return params["w_rec"]',
        'return params["u"]',
        "another choice of recurrent weights of stale:Cell",
    ),
}
PROBE = brought.PROBE.replace(
    'AXES = {"far": ("step",)}',
    """AXES = {"far": ("step",)}
NORMS = ("far",)


def shortest(units):
    return {"far": 2}


def notes(norms):
    return {"far": "of the first part alone"} if (norms["far"] >= 0).any() else {}""",
)
SAID = {
    "axes": ('("step",)', '("lag",)', "another list of axes of distance of elman"),
    "norms": ('NORMS = ("far",)', "NORMS = ()", "another list of norms of distance of elman"),
    "shortest": ('"far": 2', '"far": 3', "another least T of distance of elman"),
    "notes": ("of the first part", "of a part", "another note of distance"),
    "no notes": ('["far"] >= 0', '["far"] < 0', "another note of distance"),
}


@pytest.mark.parametrize("what", few(STATED, ["fixed", "recurrent"]))
@pytest.mark.slow
def test_what_a_cell_states_is_seen_to_change(what, write):
    old, new, said = STATED[what]
    assert CELL.count(old) == 1
    words = (*GRID, "--cell", "stale:Cell")
    write(CELL)
    assert command(*words).code == 0
    assert command(*words).code == 0
    write(CELL.replace(old, new))
    changed = command(*words)
    assert (changed.code, changed.err.count("\n")) == (2, 1), changed
    assert f"r/one was measured with other code: {said}; --force measures anew" in changed.err


@pytest.mark.parametrize("what", few(SAID, ["axes", "notes"]))
@pytest.mark.slow
def test_what_the_file_of_a_probe_states_is_seen_to_change(what, package):
    old, new, said = SAID[what]
    assert PROBE.count(old) == 1
    words = (*GRID, "--cell", "elman", "--probe", "distance")
    package("probes", PROBE)
    assert command(*words).code == 0
    package("probes", PROBE.replace("from typing", "# As it was.\nfrom typing"))
    assert command(*words).code == 0
    package("probes", PROBE.replace(old, new))
    changed = command(*words)
    assert (changed.code, changed.err.count("\n")) == (2, 1), changed
    assert f"r/one was measured with other code: {said}; --force measures anew" in changed.err
    # What only reads asks no probe.
    for name in [name for name in sys.modules if name.split(".")[0] == "another"]:
        del sys.modules[name]
    assert command("show", "r/one").code == 0

"""The commands of the lesson: they fit on a line or are broken as a shell reads them, and they run."""

import importlib
import shlex

import pytest

from gradlab import lesson
from gradlab.lesson import answers, measured, sent_back, shipped, variants
from gradlab.lesson.words import typed
from tests.cli.calling import gradlab, with_option

TOLD = {
    name: command
    for name in lesson.CHAPTERS
    for command in getattr(importlib.import_module(f"gradlab.lesson.{name}"), "MORE", ())
}
"""What each chapter gives to go on with; those of the last one are held in `test_shipped`."""
SHOWN = [
    measured.command(grid(0))
    for grid in (sent_back.scalar, sent_back.matrix, answers.grid, answers.gated, variants.grid)
]
"""What stands below the figures."""
SMALL = {
    "sweep": {"--hidden": "4", "--seeds": "2"},
    "remedies": {
        "--batch": "2",
        "--updates": "4",
        "--eval-every": "2",
        "--eval-size": "4",
        "--lr": "0.01",
        "--seeds": "2",
        "--tuning": "1",
    },
}


def test_every_chapter_after_the_first_has_one():
    assert [*TOLD] == [name for name in lesson.CHAPTERS if name not in ("unrolled", "reading")]


@pytest.mark.parametrize("width", [24, 40, 78, 80])
@pytest.mark.parametrize(
    "command", [*TOLD.values(), *SHOWN, *(one["command"] for one in shipped.read().values())]
)
def test_a_broken_command_is_the_same_command(command, width):
    lines = typed(command, width)
    # A shell takes away a backslash together with the end of the line behind it.
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    longest = max(map(len, shlex.split(command))) + len('    "" \\')
    assert max(map(len, lines)) <= max(width, longest)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert not lines[-1].endswith("\\")
    if width >= 78:
        assert max(map(len, lines)) <= width
        assert not any(line.endswith((" -T \\", " --init \\", " --precision \\")) for line in lines)


def test_a_list_of_cells_is_given_in_pieces_and_is_the_same_list():
    words = shlex.split(SHOWN[-1])
    given = ",".join(words[i + 1] for i, word in enumerate(words) if word == "--cell")
    assert words.count("--cell") > 1
    assert given == ",".join(variants.CELLS)
    said = gradlab(*words[1:], "--dry-run")
    assert said.code == 0, said.err
    assert f"cell {len(variants.CELLS)} x" in said.out


@pytest.mark.parametrize("command", TOLD.values(), ids=TOLD)
def test_it_is_one_that_gradlab_takes(command):
    said = gradlab(*shlex.split(command)[1:], "--dry-run")
    assert said.code == 0, said.err
    assert max(map(len, typed(command))) <= 80


@pytest.mark.slow
@pytest.mark.parametrize("command", TOLD.values(), ids=TOLD)
def test_it_runs(command, tmp_path):
    words = tuple(shlex.split(command)[1:])
    for option, value in SMALL[words[0]].items():
        words = with_option(words, option, value)
    said = gradlab(*words, "--out", tmp_path, "--quiet")
    assert said.code == 0, said.err

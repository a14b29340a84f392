"""`--dry-run` of every command that computes: it says what the command would take, and does nothing else."""

import pytest

from tests.cli.calling import SMALL, document, gradlab
from tests.studies.measure import given_networks

FILE = """
question = "Does it vanish?"
[sweep]
cell = "elman"
w_rec = 0.5
T = 8
hidden = 4
"""
COMMANDS = {
    "sweep": ("sweep", *SMALL),
    "probes": ("sweep", *SMALL, "--probe", "lyapunov,gates"),
    "neurons": ("neurons", "--corpus", "prose", "--hidden", "4"),
    "remedies": ("remedies", "adding", "-r", "lstm", "-r", "esn", "-T", "8", "--hidden", "4"),
    "run": ("run", "asked.toml"),
    "lesson": ("lesson", "3"),
    "verify": ("verify", "gru"),
    "measure": ("measure", "w.npz", "--arch", "rnn", "--activation", "tanh", "--data", "s.csv", "-T", "9"),
}
GIVEN = {"asked.toml", "w.npz", "s.csv", "all.csv"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.toml").write_text(FILE)
    given_networks.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_time_and_memory_are_told_on_stdout_and_nothing_is_written(words, folder):
    said = gradlab(*words, "--dry-run")
    assert (said.code, said.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in said.out.splitlines())
    assert lines["time"].startswith("about ")
    assert " of it to compile " in lines["time"]
    assert lines["memory"].endswith(" available")
    data = document(gradlab(*words, "--dry-run", "--json").out)["data"]
    assert data["seconds"] >= data["compile_seconds"] > 0
    assert data["bytes"] > 2**28
    assert {path.name for path in folder.iterdir()} == GIVEN


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_what_does_not_fit_ends_with_7_before_it_starts(words, folder, monkeypatch):
    monkeypatch.setattr("gradlab.memory.available_bytes", lambda: 2**27)
    said = gradlab(*words)
    assert (said.code, said.out) == (7, "")
    assert said.err.startswith("error: ")
    assert "134 MB available; choose " in said.err
    assert said.err.count("\n") == 1
    assert {path.name for path in folder.iterdir()} == GIVEN


def test_json_of_a_lesson_is_that_of_its_plan_alone():
    said = gradlab("lesson", "--json")
    assert said.code == 2
    assert said.err == "error: --json: goes with --dry-run here; a lesson is a page\n"

"""The command in a report makes the same run again."""

import json
import shlex

import pytest

from gradlab.report import made
from gradlab.runs import store
from gradlab.specs import stored as stored_settings
from gradlab.studies.remedies import plan as trained
from gradlab.studies.sweep import plan
from tests.cli.calling import gradlab

ARGUMENTS = [
    [],
    ["--w-rec", "0.5,1.0", "-T", "8,16", "--hidden", "4", "--seeds", "2", "--precision", "float64"],
    ["--cell", "elman(activation=relu)", "--cell", "lstm", "--w-rec=-1.5:0.5:5", "--probe", "lyapunov,gates"],
]


def stored(found, **about):
    return {"settings": found} | about


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=len)
def test_a_sweep_is_asked_for_again_with_equal_settings(arguments, monkeypatch):
    """What the command of the report asks for is what was asked for first."""
    first = asked(arguments, monkeypatch)
    words = shlex.split(made.facts(stored(json.loads(json.dumps(first)))).command)
    assert words[:2] == ["gradlab", "sweep"]
    assert asked(words[2:], monkeypatch) == first


@pytest.mark.parametrize("more", [[], ["--columns", "b"], ["--scale", "standard"]], ids=len)
def test_a_sweep_on_a_series_is_asked_for_again(more, tmp_path, monkeypatch):
    """D and the deviation, which the file gives, are spelled out and taken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.csv").write_text("a,b\n" + "".join(f"{t},{t % 3}.7\n" for t in range(9)))
    test_a_sweep_is_asked_for_again_with_equal_settings(["--data", "s.csv", "-T", "4", *more], monkeypatch)


def test_what_a_measured_network_was_not_given_is_left_out():
    asked_for = {"command": "measure", "model": "w.npz", "columns": "", "data": "s.csv", "data_digest": "0"}
    found = made.facts(stored(asked_for | {"target": "", "T": 5}, command="measure")).command
    assert found == "gradlab measure w.npz --data s.csv -T 5"


@pytest.mark.ends
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--lr", "0.1"],
        ["--no-widen"],
        ["--evaluate-at", "2T,4T", "--no-match"],
        ["-T", "10", "--longest", "80"],
        ["--target", "20"],
    ],
    ids=len,
)
def test_a_comparison_is_asked_for_again_with_equal_settings(arguments, monkeypatch):
    first = asked(["latch", "-r", "none", *arguments], monkeypatch, "remedies")
    words = shlex.split(made.facts(stored(json.loads(json.dumps(first)), command="remedies")).command)
    assert words[:3] == ["gradlab", "remedies", "latch"]
    assert asked(words[2:], monkeypatch, "remedies") == first


def asked(arguments, monkeypatch, command="sweep"):
    """The settings that a sweep or a comparison with these arguments would store."""
    seen = []
    where = plan if command == "sweep" else trained
    monkeypatch.setattr(where, "check", lambda asked, planned: seen.append(stored_settings(asked)))
    assert gradlab(command, *arguments, "--dry-run").code == 0
    return seen[0]


def test_a_comparison_names_its_task_and_leaves_the_plain_arm_out():
    asked_for = {"task": "adding", "remedies": ["none", "clip_norm(1.0)+orthogonal"], "lr": [0.01, 0.003]}
    asked_for |= {"T": [20], "match": False, "command": "remedies"}
    found = made.facts(stored(asked_for, command="remedies")).command
    assert found == (
        "gradlab remedies adding --remedy 'clip_norm(1.0)+orthogonal' --lr 0.01,0.003 -T 20 --no-match "
        "--no-widen"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lecture", " --name lecture"),
        ("a.b-2", " --name a.b-2"),
        (store.name_of({"T": [5]}), ""),
        ("sweep-0123abcd", " --name sweep-0123abcd"),
        ("my run", ""),
        ("nul", ""),
    ],
)
def test_the_name_of_a_run_is_kept_where_it_was_given(name, words, tmp_path):
    """Not the one made of the settings, nor that of a folder that was renamed to what no run is called."""
    found = made.facts(stored({"T": [5]}, command="sweep"), folder=tmp_path / name)
    assert found.command == f"gradlab sweep -T 5{words}"


@pytest.mark.slow
def test_the_command_of_a_named_run_makes_it_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ("--hidden", "2", "-T", "3", "--w-rec", "0.5", "--seeds", "1")
    assert gradlab("sweep", *small, "--name", "lecture").code == 0
    about = json.loads((tmp_path / "results" / "lecture" / "run.json").read_text())
    words = shlex.split(made.facts(about, folder=tmp_path / "results" / "lecture").command)
    again = gradlab(*words[1:])
    assert again.code == 0
    assert "results/lecture" in again.err + again.out
    assert [place.name for place in (tmp_path / "results").iterdir()] == ["lecture"]


def test_facts_are_text():
    facts = made.facts(stored({"T": [1, 2], "match": True}, git={"commit": "ab", "dirty": False}, bound="b"))
    assert facts.settings == {"T": "1, 2", "match": "yes"}
    assert facts.versions == {"git commit": "ab", "git dirty": "no"}
    assert facts.notes[0] == "b."
    assert facts.notes[1].startswith("Measured before digests of the code were kept")

"""`gradlab measure` from its file of weights to its gate: every command that reads a sweep reads its run."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from gradlab.studies.measure import compute
from tests.cli.calling import ENVIRONMENT, document, finished, gradlab
from tests.cli.test_merge import files
from tests.logs.told import hear
from tests.studies.measure import given_networks

WORDS = ("--arch", "rnn", "--activation", "tanh", "--data", "all.csv", "--columns", "a,b", "-T", "12")
AIMED = (*WORDS, "--target", "c", "--head", "fc")


KILLED = """if True:
    import os, signal, sys
    from gradlab import cli, runtime
    runtime.configure("cpu")
    from gradlab.studies.measure import compute
    real = compute._measured

    def killed(asked, model, found, i):
        if i == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(asked, model, found, i)

    compute._measured = killed
    cli.execute(sys.argv[1:])
"""
"""The command in a process that is killed when two of its windows are measured."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("measured")
    given_networks.write(home)
    return home


@pytest.fixture(autouse=True)
def here(home, monkeypatch):
    monkeypatch.chdir(home)


def measured(name, *more, model="w.npz"):
    return gradlab("measure", model, *AIMED, "--name", name, *more)


@pytest.fixture(scope="module")
def kept(home):
    """A run, and its baseline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        said = measured("mine")
        assert said.code == 0, said.err
        assert gradlab("baseline", "create", "results/mine", "-o", "mine.json").code == 0
    return said


def altered(home, name, change):
    weights = given_networks.weights()
    change(weights)
    np.savez(home / f"{name}.npz", **weights)
    return f"{name}.npz"


@pytest.mark.slow
def test_a_tracker_is_told_of_it(kept, monkeypatch):
    """Of the run that lies there already: nothing is measured again."""
    heard = hear(monkeypatch)
    said = measured("mine", "--log", "tensorboard")
    assert said.code == 0, said.err
    (told,) = heard
    assert (told.name, told.tags["command"]) == ("mine", "gradlab measure")
    assert any(point.name.startswith("rate/rnn") and point.step == 12 for point in told.points)


def test_it_prints_a_row_and_says_how_the_series_was_read(kept):
    assert "rnn" in kept.out
    assert "this network" in kept.out
    assert "inputs as they are in all.csv: a -" in kept.err
    assert "windows of 12 of 40 rows, from row " in kept.err


@pytest.mark.parametrize(
    "words",
    [
        ("show", "results/mine"),
        ("plot", "results/mine", "profile", "-o", "p.svg"),
        ("report", "results/mine"),
        ("check", "results/mine", "--baseline", "mine.json"),
        ("diff", "results/mine", "results/mine"),
        ("export", "results/mine", "--to", "openmetrics"),
        ("baseline", "show", "mine.json"),
    ],
    ids=lambda words: words[0],
)
def test_what_reads_a_sweep_reads_it(kept, words):
    said = gradlab(*words)
    assert said.code == 0, said.err


def test_it_is_not_measured_again(kept, home):
    before = (home / "results" / "mine" / "norms.nc").stat().st_mtime_ns
    said = measured("mine")
    assert said.code == 0
    assert "5 of 5 points already done" in said.err
    assert (home / "results" / "mine" / "norms.nc").stat().st_mtime_ns == before


@pytest.mark.slow
def test_killed_in_the_middle_it_measures_the_rest_and_comes_to_the_same_bytes(kept, home, monkeypatch):
    words = ("measure", "w.npz", *AIMED, "--name", "killed", "--quiet")
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], env=ENVIRONMENT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list((home / "results" / "killed" / "shards").glob("*.shard"))) == 2
    windows, real = [], compute._measured

    def counting(asked, model, found, i):
        windows.append(i)
        return real(asked, model, found, i)

    monkeypatch.setattr(compute, "_measured", counting)
    said = gradlab(*words)
    assert (said.code, said.err) == (0, "")
    assert windows == [2, 3, 4]
    assert files(home / "results" / "killed").items() <= files(home / "results" / "mine").items()


def test_the_report_has_the_command_that_makes_it_again(kept, home):
    assert gradlab("report", "results/mine").code == 0
    page = (home / "results" / "mine" / "report.html").read_text()
    made = re.sub("<[^>]*>", "", re.search(r"(?s)<pre[^>]*>((?:(?!</pre>).)*measure.*?)</pre>", page)[1])
    assert made.split()[:3] == ["gradlab", "measure", "w.npz"]
    assert "--data all.csv" in made
    assert "digest" not in made


def gate(name, *more, model="w.npz"):
    """What the gate says of a run: its exit code, and the sentences of what failed."""
    assert measured(name, "--quiet", *more, model=model).code == 0
    said = gradlab("check", f"results/{name}", "--baseline", "mine.json", "--json")
    found = document(said.out)["data"]
    return said.code, [one["sentence"] for one in found if one["status"] == "failed"]


@pytest.mark.slow
def test_another_seed_of_windows_raises_no_alarm(kept):
    code, failed = gate("others", "--seed", "1")
    assert (code, failed) == (0, [])


@pytest.mark.slow
def test_weights_that_have_changed_are_named(kept, home):
    def change(weights):
        weights["rnn.weight_hh_l0"] *= 1.02

    code, failed = gate("worse", model=altered(home, "worse", change))
    assert code == 1
    assert [one for one in failed if "the network has other weights" in one and "1.02 times" in one]


@pytest.mark.slow
def test_weights_that_have_changed_are_named_whichever_windows_are_read(kept, home):
    def change(weights):
        weights["rnn.weight_hh_l0"][0] *= 1.02

    code, failed = gate("worse-others", "--seed", "2", model=altered(home, "part", change))
    assert code == 1
    assert [one for one in failed if "weight_hh_l0 has other values" in one]


@pytest.mark.slow
def test_a_series_that_has_changed_is_not_compared_window_by_window(kept, home):
    text = (home / "all.csv").read_text()
    (home / "more.csv").write_text(text.replace("\n", "\n0.1,0.2,0.3\n", 1))
    words = [word.replace("all.csv", "more.csv") for word in AIMED]
    assert gradlab("measure", "w.npz", *words, "--name", "more", "--quiet").code == 0
    said = gradlab("check", "results/more", "--baseline", "mine.json", "--json")
    found = document(said.out)["data"]
    assert len(found) > 10
    assert not any("paired" in one["sentence"] for one in found)


def test_a_document_is_printed_and_numbers_are_the_table_s(kept):
    data = document(gradlab("show", "results/mine", "--json").out)["data"]
    assert [(row["cell"], row["init"], row["seeds"]) for row in data] == [("rnn", "given", 5)]


def test_other_weights_under_the_same_name_are_not_the_old_result(kept, home):
    weights = (home / "w.npz").read_bytes()
    try:
        altered(home, "w", lambda some: some["fc.bias"].__iadd__(1))
        said = measured("mine")
        assert said.code == 2
        assert "model_digest" in said.err
    finally:
        (home / "w.npz").write_bytes(weights)


def test_an_error_is_a_line_and_nothing_is_written(home):
    said = finished("measure", "w.npz", "--arch", "lstm", "--data", "all.csv", "--name", "no", cwd=home)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("error: w.npz: ")
    assert not (home / "results" / "no").exists()


@pytest.mark.slow
def test_what_is_told_of_a_run_is_stored(kept, home):
    about = json.loads((home / "results" / "mine" / "run.json").read_text())
    assert about["command"] == "measure"
    assert len(about["said"]) == 2
    assert about["settings"]["objective"] == "last"

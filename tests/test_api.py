"""What Python does in a call is what the command does: the same bytes, the same words, the same refusals."""

import contextlib
import dataclasses
import importlib
import inspect
import sys

import matplotlib.figure
import pandas as pd
import pytest
import xarray as xr

import gradlab
from gradlab import specs
from gradlab.errors import Exit, GradlabError
from gradlab.experiments import load
from gradlab.studies.remedies.settings import PRESETS, Training
from gradlab.studies.sweep.settings import Sweep
from tests.cli.calling import gradlab as command

SWEEP = {"cell": ["elman", "gru"], "w_rec": "0.5:1.5:3", "T": [6, 12], "hidden": 4, "seeds": 3}
WORDS = (
    "sweep",
    "--cell",
    "elman,gru",
    "--w-rec",
    "0.5:1.5:3",
    "-T",
    "6,12",
    "--hidden",
    "4",
    "--seeds",
    "3",
)
TRAIN = {
    "remedies": ["clip_norm"],
    "T": 8,
    "hidden": 4,
    "updates": 20,
    "eval_every": 10,
    "seeds": 2,
    "tuning": 1,
}
TRAINED = (
    *("remedies", "adding", "-r", "clip_norm", "-T", "8", "--hidden", "4", "--updates", "20"),
    *("--eval-every", "10", "--seeds", "2", "--tuning", "1"),
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    with contextlib.chdir(tmp_path_factory.mktemp("no repository")):
        return gradlab.sweep(**SWEEP, quiet=True)


def same(folder, other):
    """Two folders hold the same files."""
    one, two = (
        {f.relative_to(place): f.read_bytes() for f in place.rglob("*.*") if f.is_file()}
        for place in (folder, other)
    )
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.slow
def test_a_sweep_in_memory_writes_nothing_and_is_kept_as_the_command_keeps_it(swept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert command(*WORDS, "--out", "results", "--name", "one", "-q").code == 0
    assert swept.save("results/two").name == "two"
    same(tmp_path / "results/one", tmp_path / "results/two")
    gradlab.sweep(**SWEEP, quiet=True, folder="results/three")
    same(tmp_path / "results/one", tmp_path / "results/three")
    loaded = gradlab.load("results/one")
    assert loaded.folder == tmp_path / "results/one"  # wherever it is looked for later
    xr.testing.assert_identical(loaded.norms, swept.norms)
    pd.testing.assert_frame_equal(loaded.table(), swept.table())
    assert loaded.verdict == swept.verdict
    swept.save("results/two")
    with pytest.raises(GradlabError, match="holds a run with other settings") as caught:
        gradlab.sweep(**SWEEP | {"seeds": 2}, quiet=True, folder="results/two")
    assert caught.value.code == Exit.USAGE


@pytest.mark.slow
def test_training_in_memory_is_kept_as_the_command_keeps_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = gradlab.train("adding", **TRAIN, quiet=True)
    assert list(tmp_path.iterdir()) == []
    assert command(*TRAINED, "--out", "results", "--name", "one", "-q").code == 0
    run.save("results/two")
    same(tmp_path / "results/one", tmp_path / "results/two")
    assert list(run.table()["arm"]) == ["none", "clip_norm"]
    assert run.verdict == gradlab.load("results/one").verdict
    assert isinstance(run.plot(), matplotlib.figure.Figure)


@pytest.mark.slow
def test_an_experiment_is_asked_and_judged_as_by_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("run", "flat_adjoint", "--size", "ci", "--out", "results", "--name", "one", "-q").code == 0
    run = gradlab.run("flat_adjoint", size="ci", quiet=True)
    found = run.check()
    assert [one.status for one in found] == ["passed"] * len(found)
    run.save("results/two")
    same(tmp_path / "results/one", tmp_path / "results/two")


def test_a_run_says_what_it_measured(swept, tmp_path):
    assert set(swept.table()["regime"]) <= {"VANISH", "STABLE", "EXPLODE", "UNDECIDED"}
    assert swept.verdict in repr(swept)
    shown = swept._repr_html_()
    assert "VANISH" in shown
    assert shown.count("<pre>") == 1
    assert isinstance(swept.plot("horizon"), matplotlib.figure.Figure)
    assert swept.plot("profile")._repr_png_()[:4] == b"\x89PNG"
    claim = {"text": "It vanishes.", "metric": "rate", "where": {"w_rec": 0.5}, "below": 0.0}
    assert [one.status for one in swept.check(claim)] == ["passed"]
    page = swept.report(tmp_path / "lecture.html")
    assert swept.verdict.split(";")[0][:30] in page.read_text()
    assert {path.name for path in tmp_path.iterdir()} >= {"lecture.html", "lecture.md"}


@pytest.mark.parametrize(
    ("call", "where", "what"),
    [
        (lambda: gradlab.sweep(hidden=0), "hidden", "at least 1"),
        (lambda: gradlab.sweep(hidden=2.5), "hidden", "must be a whole number"),
        (lambda: gradlab.sweep(hidden=True), "hidden", "must be a whole number"),
        (lambda: gradlab.sweep(hiden=3), "hiden", "did you mean hidden?"),
        (lambda: gradlab.sweep(cell="lstn"), "cell", "did you mean lstm?"),
        (lambda: gradlab.sweep(cell=3), "cell", "must be text"),
        (lambda: gradlab.sweep(w_rec="1:2"), "w_rec", "START:STOP:COUNT"),
        (lambda: gradlab.sweep(w_rec=[0.5, float("nan")]), "w_rec", "finite"),
        (lambda: gradlab.sweep(T=[8, 8]), "T", "given twice"),
        (lambda: gradlab.sweep(input_std=-1), "input_std", "0 or a positive number"),
        (lambda: gradlab.train("addding"), "task", "did you mean adding?"),
        (lambda: gradlab.train("adding", T=1), "T", "the least T is 2"),
        (lambda: gradlab.train("adding", target=1), "target", "the least T is 2"),
        (lambda: gradlab.train("adding", target=20, T=50), "T", "and target exclude each other; give one"),
        (lambda: gradlab.train("adding", target=20, T=[20, 30]), "T", "and target exclude each other"),
        (lambda: gradlab.train("adding", remedies="clip_nrm"), "remedies", "did you mean clip_norm?"),
        (lambda: gradlab.train("adding", lr=0), "lr", "must be positive"),
        (lambda: gradlab.train("adding", optimizer="adm"), "optimizer", "did you mean adam?"),
        (lambda: gradlab.run("bordr"), "EXPERIMENT", "did you mean border?"),
        (lambda: gradlab.load("nowhere"), "nowhere", "no such folder"),
    ],
)
def test_a_mistake_names_the_argument(call, where, what):
    with pytest.raises(GradlabError) as caught:
        call()
    assert caught.value.where == where
    assert what in caught.value.what


def test_a_plot_that_this_run_cannot_give_says_which_it_can(swept):
    with pytest.raises(
        GradlabError,
        match=r"solved draws what `gradlab remedies` has written, this run is of `gradlab sweep`.*profile",
    ):
        swept.plot("solved")
    with pytest.raises(GradlabError, match=r"has not measured; measure it with probe=\['lyapunov'\]"):
        swept.plot("lyapunov")
    with pytest.raises(GradlabError, match="no setting of profile called 'sed'"):
        swept.plot("profile", sed=1)


def test_editors_see_what_there_is():
    assert {"sweep", "train", "run", "load", "measure", "plot", "verdict", "verify"} <= set(dir(gradlab))
    for name in dir(gradlab):
        assert getattr(gradlab, name) is not None
    for function, kind, preset in (
        (gradlab.sweep, Sweep, {}),
        (gradlab.train, Training, PRESETS["quick"]),
    ):
        named = inspect.signature(function).parameters
        for name, (_, setting) in specs.described(kind).items():
            assert name in named
            assert setting.help in function.__doc__
            if name in preset:
                assert named[name].default == preset[name]


def test_experiments_come_with_the_package():
    assert "border" in load.packaged()
    assert load.find("border").is_file()
    assert str(load.find("mine/own.toml")) == "mine/own.toml"


@pytest.mark.slow
def test_without_a_task_the_two_scenarios_are_those_of_the_command(monkeypatch, capsys):
    """A scalar linear unit, whose transport over T steps is w_rec^T."""
    asked = {"cell": "elman(activation=identity)", "init": "identity", "hidden": 1, "match": False, "T": 24}
    started = []
    calls = importlib.import_module("gradlab.api.calls")
    monkeypatch.setattr(calls.execute, "run", lambda asked, *_, **__: started.append(asked))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    # Nothing is run, so there is no run to give back.
    with contextlib.suppress(AttributeError):
        gradlab.train(**asked)
    (one,) = started
    assert one == dataclasses.replace(
        Training(**PRESETS["scenarios"]), **asked | {"T": (24,), "w_rec": (0.5, 2.0)}
    )
    assert "Vanishing: w_rec = 0.5, the largest that keeps" in capsys.readouterr().err
    with pytest.raises(GradlabError) as caught:
        gradlab.train(**asked | {"T": (24, 48)})
    assert (caught.value.where, caught.value.code) == ("T", Exit.USAGE)

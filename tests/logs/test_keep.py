"""Trackers are refused before work starts, and what fails in one ends nothing."""

import sys
import types
import warnings

import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.logs import keep
from gradlab.logs.in_mlflow import keys
from tests.cli.calling import SMALL
from tests.cli.calling import gradlab as command
from tests.logs import told
from tests.monitoring.trainings import START, batch, step

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb-offline": "wandb"}


@pytest.mark.parametrize("log", PACKAGES)
def test_without_the_package_the_extra_is_named_and_nothing_is_written(log, tmp_path, monkeypatch):
    package = PACKAGES[log]
    monkeypatch.setitem(sys.modules, package, None)
    end = f'{package} is not installed; pip install "gradlab[{package}]"'
    measured = ("measure", "w.npz", "--arch", "lstm", "--data", "a.csv")
    trained = (("remedies", "adding"), ("run", "border", "--size", "ci"), ("neurons",))
    for words in (("sweep", *SMALL), measured, *trained):
        found = command(*words, "--out", tmp_path, "--quiet", "--log", log)
        assert found == (6, "", f"error: --log: {end}\n")
    for call in (
        lambda: gradlab.sweep(T=8, folder=tmp_path / "x", log=log),
        lambda: gradlab.train("adding", folder=tmp_path / "x", log=log),
        lambda: gradlab.neurons(folder=tmp_path / "x", log=log),
        lambda: gradlab.run("border", folder=tmp_path / "x", log=log),
        lambda: gradlab.Monitor(tmp_path / "x", log=log),
    ):
        with pytest.raises(GradlabError, match=r"pip install") as caught:
            call()
        assert caught.value.code == 6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("log", PACKAGES)
def test_a_folder_of_that_name_is_no_package(log, tmp_path, monkeypatch):
    """As the one that wandb makes where it runs."""
    for name in [one for one in sys.modules if one.partition(".")[0] == PACKAGES[log]]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / PACKAGES[log]).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(GradlabError, match="is not installed"):
        keep.require(log, tmp_path)


def test_other_words_a_run_in_memory_and_a_share_are_refused(tmp_path, monkeypatch):
    found = command("sweep", *SMALL, "--out", tmp_path, "--log", "tensorbord")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert found.err.startswith("error: --log: no log called 'tensorbord'")
    installed(monkeypatch)
    with pytest.raises(GradlabError, match=r"^log: tensorboard is written beside the folder"):
        gradlab.sweep(T=8, log="tensorboard")
    found = command("sweep", *SMALL, "--out", tmp_path, "--log", "tensorboard", "--shard", "1/2")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert found.err.startswith("error: --log: tells of a whole run; merge the shares with gradlab merge")
    assert list(tmp_path.iterdir()) == []


def installed(monkeypatch, package="tensorboard"):
    """A package of that name that holds nothing: whoever uses it fails."""
    empty = types.ModuleType(package)
    empty.__spec__ = types.SimpleNamespace(origin="here")
    monkeypatch.setitem(sys.modules, package, empty)
    for name in [one for one in sys.modules if one.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.slow
def test_what_fails_in_a_tracker_ends_no_run(tmp_path, monkeypatch):
    installed(monkeypatch)
    found = command("sweep", *SMALL, "--out", tmp_path, "--name", "mine", "--quiet", "--log", "tensorboard")
    assert found.code == 0
    assert found.out
    assert found.err.startswith("--log tensorboard: nothing is logged: ModuleNotFoundError: ")
    assert found.err.count("\n") == 1
    with pytest.warns(RuntimeWarning, match=r"^--log tensorboard: nothing is logged"):
        run = gradlab.sweep(
            cell="elman(activation=identity)",
            w_rec=[0.5, 1.0],
            T=[8, 16],
            hidden=4,
            seeds=2,
            folder=tmp_path / "mine",
            log="tensorboard",
        )
    assert len(run.table()) == 2
    assert not (tmp_path / "logs").exists()


def test_what_fails_in_a_tracker_ends_no_training(tmp_path, monkeypatch):
    installed(monkeypatch)
    monitor = gradlab.Monitor(tmp_path / "mine", every=1, sequences=1, share=1, log="tensorboard")
    with pytest.warns(gradlab.MonitorWarning, match=r"^log: tensorboard is told no more: ModuleNotFound"):
        monitor(step, {"w": told.WEIGHTS}, START, batch(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor.close()
    assert gradlab.load(tmp_path / "mine").norms["update"].values.tolist() == [0]


def test_a_path_that_no_address_of_a_database_holds_is_a_warning(tmp_path):
    run = told.swept(tmp_path / "what?" / "mine")
    said = keep.keep("mlflow", run, tmp_path / "what?" / "mine")
    assert "has a '?', which ends the path" in said.warning
    assert [one.name for one in (tmp_path / "what?").iterdir()] == ["mine"]


def test_names_that_mlflow_takes_stay_apart():
    assert list(keys(["a=b", "a(b", "a=b", "a_b"]).values()) == ["a_b", "a_b 2", "a_b 3"]
    long = ["x" * 300, "x" * 301]
    found = list(keys(long).values())
    assert len(set(found)) == 2
    assert max(map(len, found)) <= 250

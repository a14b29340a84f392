"""What MLflow's client reads back is what the run's own files say."""

import os
import re

import pytest

from gradlab.logs import in_mlflow, keep
from tests.logs import told, watched

NO_MLFLOW = "the extra `mlflow` is not installed"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of two runs, and a client; making its database takes some seconds."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow", reason=NO_MLFLOW)
    pytest.importorskip("sqlalchemy", reason=NO_MLFLOW)
    folder = tmp_path_factory.mktemp("runs")
    made = {"mine": told.swept(folder / "mine"), "theirs": told.trained(folder / "theirs")}
    notes = {name: keep.keep("mlflow", run, folder / name) for name, run in made.items()}
    assert [one.warning for one in notes.values()] == ["", ""]
    with keep.quiet():
        client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder}/logs/mlflow/mlflow.db")
    return folder, made, client


def runs(client):
    (experiment,) = [one for one in client.search_experiments() if one.name == "gradlab"]
    return {one.info.run_name: one for one in client.search_runs([experiment.experiment_id])}


@pytest.mark.parametrize("name", ["mine", "theirs"])
def test_the_numbers_are_those_of_the_files(store, name):
    folder, _, client = store
    one = runs(client)[name]
    assert one.info.status == "FINISHED"
    expected = told.by_hand(folder / name)
    for series in list(dict.fromkeys(series for series, _ in expected))[:40]:
        key = re.sub(r"[^\w\-. :/]", "_", series)
        for metric in client.get_metric_history(one.info.run_id, key):
            assert metric.value == pytest.approx(expected.pop((series, metric.step)), rel=1e-14)
        assert not [at for at in expected if at[0] == series]


def test_settings_verdict_and_figures_are_there(store):
    _, _, client = store
    one = runs(client)["mine"]
    assert one.data.params["hidden"] == "32"
    assert one.data.params["cell"] == "elman, lstm"
    assert one.data.tags["verdict"].startswith("At T = 50 (5 seeds)")
    assert one.data.tags["mlflow.note.content"] == one.data.tags["verdict"]
    assert one.data.tags["command"] == "gradlab sweep"
    listed = {item.path for item in client.list_artifacts(one.info.run_id)}
    assert listed == {"table.txt", "figures"}
    assert [i.path for i in client.list_artifacts(one.info.run_id, "figures")] == ["figures/profile.png"]


def test_it_is_told_once(store):
    folder, made, client = store
    again = keep.keep("mlflow", made["mine"], folder / "mine")
    assert again.note.startswith("mlflow held already this run: mlflow ui --backend-store-uri sqlite:///")
    assert len(runs(client)) == 2


def test_a_try_that_failed_is_no_run_that_is_held(store, monkeypatch):
    folder, _, client = store
    made = told.swept(folder / "third")
    said = told.on_a_full_disk(monkeypatch, in_mlflow, "mlflow", made, folder / "third")
    assert said == ("", "--log mlflow: nothing is logged: OSError: the disk is full")
    assert runs(client)["third"].info.status == "FAILED"
    assert keep.keep("mlflow", made, folder / "third").note.startswith("mlflow holds this run: ")


def test_a_training_is_running_with_its_looks_until_it_is_closed(store, monkeypatch):
    folder, _, client = store
    monitor = watched.monitor(monkeypatch, folder / "live", "mlflow")
    for updates in ([0], [0, 20]):
        watched.train(monitor, updates[-1:])
        one, expected = runs(client)["live"], watched.by_hand(folder / "live")
        assert one.info.status == "RUNNING"
        ((name, _), *_) = expected
        found = client.get_metric_history(one.info.run_id, name)
        assert {(name, at.step): at.value for at in found} == pytest.approx(expected, rel=1e-14)
        assert len(found) == len(updates)
    profile = client.get_metric_history(one.info.run_id, "log10_transport/mine given update_20")
    assert sorted(at.step for at in profile) == list(range(watched.T + 1))
    assert "verdict" not in one.data.tags
    monitor.close()
    one = runs(client)["live"]
    assert one.info.status == "FINISHED"
    assert one.data.params["T"] == str(watched.T)
    assert one.data.tags["data_digest"] == monitor.run.about["settings"]["data_digest"]
    assert "mine" in one.data.tags["verdict"]
    assert {item.path for item in client.list_artifacts(one.info.run_id)} == {"table.txt", "figures"}

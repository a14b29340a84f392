"""What a training was told of is there for the real library, whatever has ended its process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradlab.logs import keep
from tests.logs import watched

pytestmark = pytest.mark.slow
KILLED = Path(__file__).with_name("killed.py")


def ended(folder, log, *words, wait=0.0):
    """Train in a process that ends by itself, or is killed some seconds after it has looked twice."""
    command = [sys.executable, "-W", "error::gradlab.MonitorWarning", str(KILLED), str(folder), log, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "looked\n"
            if not words:
                time.sleep(wait)
                process.send_signal(signal.SIGKILL)
            assert process.wait(timeout=120) == (0 if words else -signal.SIGKILL)
        finally:
            process.kill()
    return watched.by_hand(folder)


EVERY_END = pytest.mark.parametrize("words", [[], ["ends"]], ids=["killed", "never closed"])


@EVERY_END
def test_in_tensorboard(tmp_path, words):
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tests.logs.test_in_tensorboard import read

    expected = ended(tmp_path / "mine", "tensorboard", *words)
    ((name, _), *_) = expected
    found = read(tmp_path / "logs" / "tensorboard" / "mine").Scalars(name)
    assert {(name, one.step): one.value for one in found} == pytest.approx(expected, rel=1e-6)
    assert len(found) == len(expected) == 2


@EVERY_END
def test_in_mlflow_the_run_stays_as_one_that_is_running(tmp_path, words):
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    expected = ended(tmp_path / "mine", "mlflow", *words)
    with keep.quiet():
        client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    (experiment,) = [one for one in client.search_experiments() if one.name == "gradlab"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("mine", "RUNNING")
    ((name, _), *_) = expected
    found = client.get_metric_history(run.info.run_id, name)
    assert {(name, one.step): one.value for one in found} == pytest.approx(expected, rel=1e-12)


@EVERY_END
def test_in_the_file_of_wandb(tmp_path, words):
    """Its own process writes it every 15 seconds, and where that of the training ends by itself."""
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    from tests.logs.test_in_wandb import history

    expected = ended(tmp_path / "mine", "wandb-offline", *words, wait=20)
    (place,) = (tmp_path / "logs" / "wandb").glob("offline-run-*/run-*.wandb")
    found = history(place)
    assert {at: found[at] for at in expected} == pytest.approx(expected, rel=1e-12)

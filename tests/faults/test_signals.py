"""Ctrl-C and SIGTERM: what is finished is kept, and the command that goes on is printed."""

import os
import shlex
import signal

import pytest

from gradlab.errors import Exit
from tests.faults.calling import SWEEP, TRAINING, digests

PAUSES = {"sweep": (SWEEP, "elman 5", 1), "training": (TRAINING, "none 20 1.0 1", 1)}


@pytest.mark.parametrize("kind", PAUSES)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_saves_and_prints_the_command_that_goes_on(driver, tmp_path, kind, number, code):
    words, pause, kept = PAUSES[kind]
    started = driver.start(tmp_path, (*words, "--force"), pause=pause)
    driver.until(started, "paused")
    os.kill(started, number)
    ended = driver.wait(started)
    assert (ended.code, ended.out) == (code, "")
    said = ended.err.strip().splitlines()[-1]
    assert said.startswith("interrupted; what is finished is kept, and this goes on: gradlab ")
    assert "Traceback" not in ended.err
    assert len([name for name in digests(tmp_path) if name.endswith(".shard")]) >= 1
    again = shlex.split(said.partition("gradlab ")[2])
    assert again == [*words, "--out", str(tmp_path)]
    finished = driver.run(tmp_path, again[:-2])
    assert (finished.code, finished.computed[0]) == (0, pause)
    assert len(ended.computed) == kept + 1


def test_a_second_ctrl_c_leaves_at_once_and_loses_nothing(driver, tmp_path):
    started = driver.start(tmp_path, pause="elman 5", deaf=True)
    driver.until(started, "paused")
    os.kill(started, signal.SIGINT)
    driver.until(started, "deaf")
    os.kill(started, signal.SIGINT)
    assert driver.wait(started).code == Exit.INTERRUPTED
    finished = driver.run(tmp_path)
    assert (finished.code, finished.computed) == (0, ["elman 5"])


def test_a_signal_before_anything_is_finished_leaves_nothing(driver, tmp_path):
    started = driver.start(tmp_path / "out", pause="elman 3")
    driver.until(started, "paused")
    os.kill(started, signal.SIGTERM)
    assert driver.wait(started).code == Exit.TERMINATED
    assert list(tmp_path.iterdir()) == []

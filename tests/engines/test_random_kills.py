"""Kills at random times, of whatever takes part: nothing is lost, and no byte is another."""

import json
import subprocess
import sys

import pytest

from tests.cli.calling import ENVIRONMENT

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.mark.parametrize(
    "kills", [pytest.param(10, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.long)]
)
def test_workers_and_commands_killed_at_random_lose_nothing_and_change_no_byte(kills):
    said = subprocess.run(
        [sys.executable, "-m", "tests.engines.kills", str(kills)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["kills"] == kills
    assert min(told["workers killed"], told["commands killed"], told["runs"]) > 0

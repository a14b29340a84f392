"""The examples run as a user runs them, and say what they should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import ENVIRONMENT

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def test_there_is_one_for_each_way_to_bring_a_cell():
    assert [path.stem for path in EXAMPLES] == [
        "equinox_cell",
        "flax_linen_cell",
        "flax_nnx_cell",
        "plain_function",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_a_verdict(path, tmp_path):
    lines = path.read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 26
    done = subprocess.run(
        [sys.executable, path], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    function = re.search(r"^def (\w+)", path.read_text(), re.MULTILINE)[1]
    assert re.match(rf"{function}, this network, T = \d+: (VANISH|STABLE|EXPLODE); ", done.stdout)
    assert "95 % of the recurrent weight gradient comes from lags 0 to" in done.stdout

"""The examples run as a user runs them, and say what they should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import ENVIRONMENT
from tests.tiers import few

HOME = Path(__file__).parents[1] / "examples"
CALLBACKS = sorted(HOME.glob("*_callback.py"))
EXAMPLES = sorted(set(HOME.glob("*.py")) - set(CALLBACKS))


def test_there_is_one_for_each_way_to_bring_a_cell():
    assert [path.stem for path in EXAMPLES] == [
        "equinox_cell",
        "flax_linen_cell",
        "flax_nnx_cell",
        "plain_function",
    ]


@pytest.mark.parametrize("path", few(EXAMPLES, EXAMPLES[:1]), ids=lambda path: path.stem)
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


@pytest.mark.parametrize("path", CALLBACKS, ids=lambda path: path.stem)
def test_a_callback_of_ten_lines_watches_a_training(path, tmp_path):
    library = path.stem.removesuffix("_callback")
    for needed in (library, "torch") if library == "lightning" else (library,):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    own = re.search(r"^class Watch.*?(?=^\S)", path.read_text(), re.MULTILINE | re.DOTALL)[0]
    # Beside its `__init__`, which takes the settings.
    body = own.split("\n    def ", 2)[2]
    assert len([line for line in body.splitlines() if line.strip()]) <= 10
    done = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env=ENVIRONMENT | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "MonitorWarning" not in done.stderr
    assert re.search(r"^At T = 20 \(each look at 1 sequence\), lstm .*\(2 looks\)", done.stdout, re.MULTILINE)


def test_there_is_a_callback_for_each_of_the_two():
    assert [path.stem for path in CALLBACKS] == ["keras_callback", "lightning_callback"]

"""The examples of trained networks run as a user runs them, and say what they should."""

import re
import subprocess
import sys

import pytest

from tests.cli.calling import ENVIRONMENT
from tests.examples.shown import EXAMPLES, HOME, TRAINING


def test_each_script_is_known():
    assert {path.stem for path in HOME.glob("*.py")} == {*EXAMPLES, *TRAINING}


def cases():
    for name, example in EXAMPLES.items():
        # The environment of `.ci/run` that has torch runs what says so.
        torch = "torch-" if "torch" in example.needs else ""
        yield pytest.param(name, id=f"{torch}{name}", marks=[pytest.mark.slow] if example.slow else [])


@pytest.mark.parametrize("name", list(cases()))
def test_an_example_runs_and_says_its_answer(name, tmp_path):
    for module in EXAMPLES[name].needs:
        pytest.importorskip(module, reason=f"{module} is not installed")
    code = [sys.executable, "-W", "error", HOME / f"{name}.py"]
    done = subprocess.run(code, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(EXAMPLES[name].says, done.stdout), done.stdout
    assert not list(tmp_path.iterdir())

"""The GitHub action: its shell lines run in bash, with every input as plain text."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cli.calling import gradlab

ACTION = Path(__file__).parents[1] / "action.yml"
STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
if words[:1] == ["-c"]:
    exec(words[1])
    sys.exit()
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps([name, *words]) + "\\n")
if words[:1] == ["sweep"]:
    cells = [after for word, after in zip(words, words[1:]) if word == "--cell"]
    pathlib.Path("results/ci").mkdir(parents=True)
    pathlib.Path("results/ci/run.json").write_text(json.dumps({{"settings": {{"cell": cells}}}}))
sys.exit(int(os.environ.get("CODE", "0")))
"""


def steps():
    """Each step's environment and script, and whether it runs after another has failed."""
    found = []
    for block in ACTION.read_text().partition("  steps:\n")[2].split("    - name: ")[1:]:
        environment = dict(re.findall(r"^        (\w+): \$\{\{ (\S+) \}\}$", block, re.MULTILINE))
        script = textwrap.dedent(block.partition("      run: |\n")[2])
        found.append((environment, script, "!cancelled()" in block))
    return found


def act(tmp_path, code=0, *, measured=0, verified=0, **inputs):
    """Run the steps as the runner does; what they called, and the first exit code that is not 0.

    `measured`, `verified` and `code` are the exit codes of `gradlab sweep`, `verify` and `check`.
    """
    defaults = {"sweep": "", "run": "", "junit": "gradlab.xml", "requirement": "gradlab"}
    values = {f"inputs.{key}": value for key, value in (defaults | inputs).items()}
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python", "gradlab"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    output, calls = tmp_path / "output", tmp_path / "calls"
    calls.touch()
    status = 0
    codes = {"gradlab check": code, "gradlab sweep": measured, "gradlab verify": verified}
    for names, script, always in steps():
        lines = output.read_text().splitlines() if output.exists() else []
        values |= {
            f"steps.measure.outputs.{key}": value for key, _, value in (x.partition("=") for x in lines)
        }
        if status and not (always and "steps.measure.outputs.run" in values):
            continue
        environment = {name: values[source] for name, source in names.items()} | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
            "CALLS": str(calls),
            "CODE": str(next((codes[name] for name in codes if name in script), 0)),
        }
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(bash, env=environment, cwd=tmp_path, timeout=60, check=False)
        status = status or done.returncode
    return [json.loads(line) for line in calls.read_text().splitlines()], status


def test_it_installs_measures_and_checks(tmp_path):
    sweep = """--cell lstm --cell 'elman(activation=relu)' --w-rec 0.9,1.1 -T 20 --seeds 2"""
    calls, status = act(tmp_path, sweep=sweep, baseline="ci/base.json")
    words = ["--cell", "lstm", "--cell", "elman(activation=relu)", "--w-rec", "0.9,1.1", "-T", "20"]
    measured = ["sweep", *words, "--seeds", "2", "--name", "ci", "--out", "results", "--force"]
    checked = ["check", "results/ci", "--baseline", "ci/base.json", "--junit", "gradlab.xml", "--github"]
    assert status == 0
    assert calls == [
        ["python", "-m", "pip", "install", "--quiet", "gradlab"],
        ["gradlab", *measured],
        ["gradlab", "verify", "--quiet", "--", "lstm"],
        ["gradlab", "verify", "--quiet", "--", "elman(activation=relu)"],
        ["gradlab", *checked],
    ]
    assert gradlab(*measured, "--dry-run").code == 0


def test_the_options_of_check_exist():
    text = gradlab("check", "--help").out
    for option in ("--baseline", "--junit", "--github"):
        assert option in text


def test_a_run_that_is_there_is_only_checked(tmp_path):
    calls, _ = act(tmp_path, run="results/mine", baseline="b", requirement="", sweep="--cell lstm")
    assert [call[:3] for call in calls] == [["gradlab", "check", "results/mine"]]


@pytest.mark.parametrize("code", [1, 4])
def test_the_verdict_is_the_steps_exit_code(tmp_path, code):
    assert act(tmp_path, code, baseline="b")[1] == code


def test_a_wrong_gradient_fails_it_and_the_check_is_still_made(tmp_path):
    calls, status = act(tmp_path, verified=1, sweep="--cell lstm", baseline="b")
    assert [call[1] for call in calls[1:]] == ["sweep", "verify", "check"]
    assert status == 1


def test_networks_that_are_not_finite_do_not_end_it_before_the_check(tmp_path):
    calls, status = act(tmp_path, 1, measured=3, baseline="b")
    assert calls[-1][:3] == ["gradlab", "check", "results/ci"]
    assert status == 1


@pytest.mark.parametrize("measured", [2, 5, 70])
def test_a_sweep_that_cannot_be_run_ends_it(tmp_path, measured):
    calls, status = act(tmp_path, measured=measured, baseline="b")
    assert calls[-1][:2] == ["gradlab", "sweep"]
    assert status == measured


@pytest.mark.parametrize("sweep", ["--cell 'elman", '--cell "lstm --seeds 2', "--cell lstm'"])
def test_a_quote_that_is_not_closed_drops_no_option_unsaid(tmp_path, sweep):
    calls, status = act(tmp_path, sweep=sweep, baseline="b")
    assert [call[0] for call in calls] == ["python"]
    assert status == 2


def test_inputs_are_never_code(tmp_path):
    evil = '$(touch canary) `touch canary`; touch canary #"'
    calls, status = act(tmp_path, run=evil, baseline=evil, junit=evil, requirement=evil)
    assert status == 0
    assert calls[-1] == ["gradlab", "check", evil, "--baseline", evil, "--junit", evil, "--github"]
    (tmp_path / "more").mkdir()
    calls, _ = act(tmp_path / "more", sweep='--cell $(touch canary) "`touch canary`; *"', baseline="b")
    assert calls[1][2:6] == ["--cell", "$(touch", "canary)", "`touch canary`; *"]
    assert not list(tmp_path.rglob("canary"))
    for _, script, _ in steps():
        assert "${{" not in script

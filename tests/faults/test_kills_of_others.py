"""SIGKILL in what reads a run and writes, in experiments and in the lesson: repeated, the same bytes."""

import itertools
import shutil

import pytest

from gradlab.errors import Exit
from tests.faults.calling import digests

EXPERIMENT = """
question = "Does the gradient vanish below 1?"
[sweep]
cell = ["elman"]
hidden = 3
w_rec = [0.5, 1.0]
T = [3, 5]
seeds = 2
[[claims]]
text = "the transport falls"
metric = "rate"
where = { w_rec = 0.5 }
below = 0.0
"""
BESIDE = {
    "report": ("report", "{out}/run", "--quiet"),
    "baseline": ("baseline", "create", "{out}/run", "-o", "{out}/base.json", "--force"),
    "csv": ("export", "{out}/run", "--to", "csv"),
    "openmetrics": ("export", "{out}/run", "--to", "openmetrics"),
    "lesson": ("lesson", "cliff", "-o", "{out}/lesson.html", "--quiet"),
    "run": ("run", "{out}/claimed.toml", "--out", "{out}", "--quiet"),
}
STEPS = {"report": 7}
"""A report is many files, all written alike: only some of its calls are tried."""
CALLS = {"lesson": ("write", "replace")}
"""A chapter takes seconds to compute, and is one file."""


@pytest.fixture(scope="module")
def swept(driver, tmp_path_factory):
    """A folder with a finished run, and an experiment that has not been run."""
    place = tmp_path_factory.mktemp("swept")
    assert driver.run(place).code == 0
    (place / "claimed.toml").write_text(EXPERIMENT)
    return place


def whole(place):
    """What a folder holds, but for the halves that a killed process leaves."""
    return {name: digest for name, digest in digests(place).items() if not name.endswith(".tmp")}


@pytest.mark.slow
@pytest.mark.parametrize("command", BESIDE)
def test_killed_at_its_calls_the_same_command_ends_in_the_same_bytes(driver, swept, tmp_path, command):
    struck = 0

    def tried(out, fault):
        words = [word.format(out=out) for word in BESIDE[command]]
        return driver.run(out, words, fault=fault, bare=True)

    def copy(name):
        return shutil.copytree(swept, tmp_path / name)

    alone = copy("alone")
    ended = tried(alone, None)
    # What is measured is made up, and every claim about it is inconclusive.
    code = Exit.INCONCLUSIVE if command == "run" else Exit.OK
    assert (ended.code, ended.err) == (code, "")
    files = whole(alone)
    assert files != whole(swept)
    for call in CALLS.get(command, ("write", "fsync", "replace", "mkdir")):
        for at in itertools.count(1, STEPS.get(command, 1)):
            out = copy(f"{call}-{at}")
            killed = tried(out, (call, at, "KILL", False))
            if not killed.struck:
                break
            struck += 1
            assert killed.code == -9
            again = tried(out, None)
            assert (again.code, again.err) == (code, ""), f"killed at {call} {at}"
            assert whole(out) == files, f"killed at {call} {at}"
            shutil.rmtree(out)
    assert struck >= 2

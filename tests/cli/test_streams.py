"""stdout and stderr that are closed, full, or read no further: no traceback, and the exit code that fits."""

import functools
import itertools
import re
import shlex
import subprocess
import sys

import pytest

from gradlab import cli
from gradlab.errors import Exit
from gradlab.studies.sweep import results
from tests import made_runs
from tests.cli.calling import ENVIRONMENT
from tests.studies.measure import given_networks
from tests.tiers import few

CLOSED = "error: stdout: is closed; send it elsewhere, what was computed is kept\n"
FULL = CLOSED.replace("is closed", "cannot be written: No space left on device")
WAYS = {
    ">&-": (Exit.STORAGE, CLOSED),
    "2>&-": (Exit.OK, ""),
    ">&- 2>&-": (Exit.STORAGE, ""),
    "<&- >/dev/full": (Exit.STORAGE, FULL),
    "2>/dev/full": (Exit.OK, ""),
    "| true": (Exit.OK, ""),
    "2>&1 | true": (Exit.OK, ""),
}
"""What is done with the streams of a command that has a result, how it then ends, and what it says."""
SHOWN = {
    "show": "show run",
    "plot": "plot run profile",
    "report": "report run -o report.html --quiet",
    "check": "check run --baseline base.json --no-github",
    "diff": "diff run run",
    "baseline": "baseline show base.json",
    "export": "export run --to csv -o -",
    "list": "list",
    "doctor": "doctor",
    "run": "run asked.toml --dry-run",
    "sweep": "sweep --cell elman -T 4 --w-rec 0.5 --hidden 2 --seeds 1 --quiet --dry-run",
    "remedies": "remedies adding -T 4 -r none --hidden 2 --seeds 1 --updates 1 --batch 2 --quiet",
    "neurons": "neurons --updates 1 --quiet --dry-run",
    "measure": "measure w.npz --arch rnn --activation tanh --data s.csv -T 9 --windows 1 --quiet --dry-run",
    "merge": "merge s1 --name merged --quiet",
    "verify": "verify elman",
    "lesson": "lesson 1 --terminal --quiet",
}
QUICK = [("show", ">&-"), ("show", "2>/dev/full"), ("export", "<&- >/dev/full"), ("list", "| true")]
WHOLE = ("show", "sweep", "remedies")
OFTEN = (">&-", "2>/dev/full", "| true")
"""Commands that meet every way with the slow tests, and the ways that every command meets there."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("streams")
    run = made_runs.run(("elman",), (0.5,), (20,), about={"git": {}})
    results.write(place / "run", run)
    given_networks.write(place)
    asked = 'question = "a"\n[sweep]\ncell = "elman"\nw_rec = [0.5]\nT = [4]\n'
    (place / "asked.toml").write_text(asked)
    made = finished(place, "baseline create run -o base.json", "")
    assert made.returncode == 0, made
    share = "sweep --cell elman -T 4 --w-rec 0.5 --hidden 2 --seeds 1 --shard 1/1 --name s1 --out . --quiet"
    assert finished(place, share, "").returncode == 0
    return place


def finished(place, words, way):
    """The command as a shell runs it; the exit code is its own, whatever stands behind a pipe."""
    line = f"{shlex.quote(sys.executable)} -m gradlab {words}"
    redirected, _, behind = way.partition("|")
    line = f"set -o pipefail; {line} {redirected}" + (f"|{behind}" if behind else "")
    return subprocess.run(
        ["bash", "-c", line], cwd=place, env=ENVIRONMENT, capture_output=True, text=True, timeout=200
    )


@pytest.fixture(scope="module")
def whole(place):
    """How a command ends with nothing in its way."""
    return functools.cache(lambda command: finished(place, SHOWN[command], ""))


@pytest.mark.ends
@pytest.mark.parametrize(
    ("command", "way"),
    few(itertools.product(SHOWN, WAYS), QUICK, lambda one: one[0] in WHOLE or one[1] in OFTEN),
)
def test_what_cannot_be_printed_is_a_line_and_a_code(place, whole, command, way):
    whole = whole(command)
    assert whole.returncode in (0, 1, 4), whole
    said = finished(place, SHOWN[command], way)
    code, words = WAYS[way]
    assert said.returncode == (code or whole.returncode), said
    # What it will take is told beforehand, on stderr.
    assert re.sub(r"^checking .* of memory\n", "", said.stderr) == words
    if "2>" in way and ">" not in way.replace("2>", "") and "|" not in way:
        # Memory that others take and give back meanwhile, and how fast a device is beside them.
        free = r"[\d.]+ ([MG]B( available)?$|GFLOP/s|GB/s)"
        assert re.sub(free, "", said.stdout, flags=re.M) == re.sub(free, "", whole.stdout, flags=re.M)


@pytest.mark.parametrize("way", few(WAYS, [">&-"]))
def test_an_error_keeps_its_code(place, way):
    """Its line on stderr is its own; where nobody can read that either, the code is all that is left."""
    for words in ("show nothing", "show nothing --json"):
        said = finished(place, words, way)
        assert said.returncode == Exit.USAGE, said
        assert "Traceback" not in said.stderr + said.stdout
        if "2>" not in way:
            assert said.stderr == "error: nothing: no such folder; name one that `gradlab` has written\n"


@pytest.mark.slow
def test_no_file_is_opened_in_the_place_of_a_closed_stream(place):
    """Otherwise what a library says on stderr would go into a shard or a figure."""
    before = finished(place, "plot run profile -o whole.svg", "")
    said = finished(place, "plot run profile -o bare.svg", "<&- >&- 2>&-")
    assert (before.returncode, said.returncode) == (0, Exit.STORAGE)
    assert (place / "bare.svg").read_bytes() == (place / "whole.svg").read_bytes()


def test_a_letter_that_stdout_has_not_is_spelled_out(place):
    (place / "é").symlink_to(place / "run")
    line = f"PYTHONIOENCODING=ascii {shlex.quote(sys.executable)} -m gradlab plot é profile -o é.svg"
    said = subprocess.run(["bash", "-c", line], cwd=place, env=ENVIRONMENT, capture_output=True, timeout=200)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"\\xe9.svg\n", b"")


def test_every_command_is_tried():
    assert {command.name for command in cli.app().registered_commands} == set(SHOWN)

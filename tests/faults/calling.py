"""Asking the driver: run a command to its end, start one, wait for it; and what a folder then holds."""

import hashlib
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.cli.calling import ENVIRONMENT
from tests.tiers import KEPT

SWEEP = (
    *("sweep", "--cell", "elman", "-T", "3,5", "--w-rec", "0.5,1.0"),
    *("--hidden", "3", "--seeds", "1", "--name", "run", "--quiet"),
)
TRAINING = (
    *("remedies", "echo", "-r", "none", "-T", "20", "--hidden", "3", "--updates", "20", "--eval-every", "10"),
    *("--seeds", "2", "--lr", "0.01", "--name", "run", "--quiet"),
)


class Ended(NamedTuple):
    """How a command ended, what it printed, and what it told of itself."""

    code: int
    out: str
    err: str
    log: list[str]

    @property
    def computed(self):
        return [line.removeprefix("computed ") for line in self.log if line.startswith("computed ")]

    @property
    def struck(self):
        return "struck" in self.log


class Driver:
    """The driver's process, and a folder for what its children print."""

    def __init__(self, scratch, env=None):
        self.scratch, self.numbers = Path(scratch), itertools.count()
        words = [sys.executable, "-m", "tests.faults.driver"]
        # What JAX keeps on disk would be counted among the calls of storage.
        plain = {name: value for name, value in ENVIRONMENT.items() if name not in KEPT}
        self.process = subprocess.Popen(
            words,
            env=plain | {"OPENBLAS_NUM_THREADS": "1"} | (env or {}),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.places = {}

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def _ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self, out, words=SWEEP, *, fault=None, real=False, pause=None, deaf=False, versions=(), bare=False
    ):
        """Begin a command with `--out out`, unless it is `bare`; its process's number."""
        scratch = self.scratch / str(next(self.numbers))
        scratch.mkdir()
        job = {"scratch": str(scratch), "fault": fault, "real": real, "pause": pause, "deaf": deaf}
        arguments = [*map(str, words)] if bare else [*words, "--out", str(out)]
        job |= {"arguments": arguments, "folder": str(out), "versions": dict(versions)}
        number = self._ask(do="start", **job)["process"]
        self.places[number] = scratch
        return number

    def wait(self, number):
        code = self._ask(do="wait", process=number)["code"]
        place = self.places.pop(number)
        texts = [
            (place / name).read_text() if (place / name).exists() else "" for name in ("out", "err", "log")
        ]
        return Ended(code, *texts[:2], texts[2].splitlines())

    def run(self, out, words=SWEEP, **options):
        """A command from its start to its end."""
        return self.wait(self.start(out, words, **options))

    def until(self, number, word):
        """Wait until the command has noted a word."""
        log, began = self.places[number] / "log", time.monotonic()
        while not (log.exists() and word in log.read_text().splitlines()):
            assert time.monotonic() - began < 60, f"{word} was never noted"
            time.sleep(0.005)


def digests(folder):
    """sha256 of every file below a folder, by its name in it."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

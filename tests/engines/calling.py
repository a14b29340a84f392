"""A sweep of four groups in processes of its own, and on what it is computed."""

import subprocess
import sys

from tests.cli.calling import ENVIRONMENT
from tests.engines import schedulers

SWEEP = (
    "--cell",
    "lstm,elman",
    "--w-rec",
    "0.5,1.5",
    "-T",
    "6,12",
    "--seeds",
    "2",
    "--hidden",
    "4",
    "--quiet",
)

MARKER = "a-secret-that-no-task-holds"


def gradlab(*words, cwd=None, **environment):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gradlab", *map(str, words)],
        env=ENVIRONMENT | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def scheduler(workers=1, over="tcp", options=(), folder=None, **environment):
    """As that of `schedulers`, with the environment of the tests and what is added to it."""
    return schedulers.scheduler(ENVIRONMENT | environment, workers, over, options, folder)


def begun(tmp_path, address):
    """The sweep at work as `run`, when the first of its groups is kept."""
    words = ("--out", str(tmp_path), "--name", "run", "--engine", "dask", "--scheduler", address)
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlab", "sweep", *SWEEP, *words],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    schedulers.until(lambda: shards(tmp_path / "run") or process.poll() is not None)
    assert process.poll() is None, process.stderr.read()
    return process


def files(folder):
    """Every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shards(folder):
    """How many are kept there."""
    return len(list(folder.glob("shards/*.shard")))

"""What workers of Dask were foreseen to take for a run, beside what they took, and one process alone.

Run: python benchmarks/workers.py [WORDS] [--rounds 3]     only runs that contain WORDS

With the extra `cluster`. Every process has one core to itself: the command and its scheduler the first, each
worker the next, so that a worker is a machine with one core, as many as there are cores. `wall` is what the
clock says. Where others use the machine, too, it tells of them; `path` is what processes computed that waited
for each other: the command, and the worker that computed most. Both stand beside what was told, and beside
one process in the same round.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

GAINS = tuple(0.5 + i / 24 for i in range(25))
TRAINED = {"hidden": 8, "lr": (0.01, 0.1), "updates": 200, "tuning": 2, "seeds": 4}
RUNS: dict[str, dict[str, Any]] = {
    "sweep of 10000 networks": {
        "cell": ("elman", "gru"),
        "w_rec": GAINS,
        "seeds": 200,
        "T": (10, 20, 30, 40, 50),
        "hidden": 8,
    },
    # 500 lengths and 1000 workers would make a million of it.
    "sweep of 10 groups of 1000": {
        "cell": ("elman", "gru"),
        "w_rec": tuple(0.5 + i / 19 for i in range(20)),
        "seeds": 50,
        "T": tuple(range(10, 510, 100)),
        "hidden": 8,
    },
    "sweep of 240 groups": {
        "cell": ("elman", "gru"),
        "w_rec": (0.8, 1.0, 1.2),
        "seeds": 14,
        "T": tuple(range(2, 122)),
        "hidden": 4,
    },
    "remedies": {"task": "latch", "remedies": ("none", "lstm"), "T": (8, 12, 16)} | TRAINED,
}


class Taken(NamedTuple):
    """Seconds."""

    told: float
    wall: float
    path: float


def asked(name: str) -> Any:
    """The settings of a run."""
    from gradlab.studies.remedies.settings import Training
    from gradlab.studies.sweep.settings import Sweep

    return Training(**RUNS[name]) if "remedies" in RUNS[name] else Sweep(**RUNS[name])


def command(name: str, workers: int, address: str, folder: str) -> None:
    """Make a run as a command does, and print what was told of it."""
    from gradlab import execute, memory, runtime

    memory.own_process(runtime.cores())
    runtime.configure("cpu")
    from gradlab.engines.dask import Dask
    from gradlab.engines.foreseen import foreseen
    from gradlab.studies import base

    settings = asked(name)
    study = base.of(settings)
    planned = study.plan(settings)
    told = foreseen(study.groups(settings), planned, workers).seconds if workers else planned.seconds
    print(json.dumps(told), flush=True)
    engine = Dask(address, device="cpu") if workers else None
    execute.run(settings, planned, Path(folder, "run"), engine=engine)


def ended(process: "subprocess.Popen[str]") -> float:
    """Wait until a process has ended, and give the seconds that it computed."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def begun(core: int, environment: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    """A process with one core."""
    return subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, [core]),
    )


def line(process: "subprocess.Popen[str]", pattern: str) -> str:
    """What matches in the next line that has it."""
    assert process.stdout is not None
    for text in process.stdout:
        if found := re.search(pattern, text):
            return found[0]
    raise SystemExit(f"a process ended without {pattern}")


@contextlib.contextmanager
def cluster(workers: int, cores: list[int], environment: dict[str, str]) -> Iterator[tuple[str, list[float]]]:
    """The address of a scheduler with so many workers, and after its end what all of them computed."""
    used: list[float] = []
    quiet = ("--no-dashboard",)
    first = begun(
        cores[0],
        environment,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "tcp://127.0.0.1",
        "--port",
        "0",
        *quiet,
    )
    address = line(first, r"tcp://127\.0\.0\.1:\d+")
    one = ("-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", *quiet)
    some = [begun(core, environment, *one) for core in cores[:workers]]
    for worker in some:
        line(worker, "Registered to")
    try:
        yield address, used
    finally:
        for process in (*some, first):
            process.send_signal(signal.SIGTERM)
            used.append(ended(process))


def taken(name: str, workers: int, cores: list[int], environment: dict[str, str]) -> Taken:
    """What a run was told to take and took, on so many workers; 0: in one process."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with (
            cluster(workers, cores, environment) if workers else contextlib.nullcontext(("", [])) as (
                address,
                used,
            )
        ):
            words = (__file__, "--command", name, str(workers), address, folder)
            process = begun(cores[0], environment, *words)
            told = float(line(process, r"^[\d.]+$"))
            own = ended(process)
            wall = time.perf_counter() - began
            if process.returncode:
                raise SystemExit(f"{name} ended with {process.returncode}")
        # The scheduler is the last of them.
        return Taken(told, wall, own + (max(used[:-1]) + used[-1] if used else 0.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="?", default="", help="only runs that contain this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--command", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.command:
        name, workers, address, folder = given.command
        command(name, int(workers), address, folder)
        return
    cores = sorted(os.sched_getaffinity(0))
    ways = [0, *(2**i for i in range(len(cores).bit_length()) if 2**i <= len(cores))]
    print(f"{'seconds':>9}{'told':>8}{'wall':>8}{'path':>8}   of one process: told, wall, path")
    for name in RUNS:
        if given.words not in name:
            continue
        print(name)
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"XDG_CACHE_HOME": cache, "HOME": cache}
            # Programs are compiled, and kept.
            taken(name, 0, cores, environment)
            rounds = [
                {way: taken(name, way, cores, environment) for way in ways} for _ in range(given.rounds)
            ]
        for way in ways:
            middle = [statistics.median(each) for each in zip(*(one[way] for one in rounds), strict=True)]
            over = [
                statistics.median(each)
                for each in zip(
                    *([a / b for a, b in zip(one[way], one[0], strict=True)] for one in rounds), strict=True
                )
            ]
            label = f"{way} worker{'s' * (way > 1)}" if way else "alone"
            print(
                f"{label:>9}"
                + "".join(f"{x:8.1f}" for x in middle)
                + "   "
                + "".join(f"{x:8.2f}" for x in over)
            )


if __name__ == "__main__":
    main()

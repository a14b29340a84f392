"""What a command was predicted to take, in time and memory, beside what it took.

Run: python benchmarks/predictions.py [WORDS] [--rounds 2]     only commands that contain WORDS

Each runs in a process of its own, with an empty compile cache, then with a full one. `left` is what the
command said after a tenth of its time or more, beside what was really left; on a pipe it says so every ten
seconds.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

COMMANDS = (
    "sweep --cell elman --hidden 4 --w-rec 0.5,1.0 -T 8,16 --seeds 2",
    "sweep",
    "sweep --cell elman,gru --hidden 8 --w-rec 0.5:1.5:100 -T 50,100,200 --seeds 20",
    "sweep --cell elman --w-rec 0.9 -T 100000 --seeds 1",
    "sweep --cell elman,lstm --hidden 256 --w-rec 0.9,1.1 -T 50 --seeds 2",
    "sweep --cell lstm --hidden 32 --w-rec 0.9,1.1 -T 200 --seeds 4 --batch 32",
    "sweep --cell lstm --hidden 16 --w-rec 0.5:1.5:11 -T 50 --seeds 4 --probe lyapunov,gates,error_flow",
    "sweep --cell peephole_lstm,elman --w-rec 0.5:1.5:5 -T 100 --precision float64",
    "remedies temporal_order -T 20 --hidden 16 --updates 200 --lr 0.01 -r truncate(5) -r lstm",
    "remedies adding -T 50 --updates 300 --lr 0.01 --seeds 4 -r gru -r esn -r omega",
    "run border --size ci",
    "lesson",
    "lesson 3",
    "verify elman",
    "verify lstm",
    "verify lstm --lengths 1,2,5,17,41,100 --points 4",
)
WRITING = ("sweep", "remedies", "run")


class Taken(NamedTuple):
    """Seconds on the wall, seconds of all cores, bytes at the peak, and (said, really) left."""

    wall: float
    cpu: float
    peak: int
    left: tuple[float, float] | None


def run(words: list[str], environment: dict[str, str]) -> Taken:
    """What a command takes."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlab", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    said = []
    for line in process.stderr:
        found = re.search(r"about ([\d.]+) (s|min|h) left", line)
        if found:
            unit = {"s": 1, "min": 60, "h": 3600}[found[2]]
            said.append((time.perf_counter() - began, float(found[1]) * unit))
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) not in (0, 1, 4):
        raise SystemExit(f"gradlab {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    late = [(left, wall - at) for at, left in said if at > wall / 10]
    return Taken(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, late[0] if late else None)


def predicted(words: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Seconds and bytes, as `--dry-run` tells them."""
    asked = [sys.executable, "-m", "gradlab", *words, "--dry-run", "--json"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)["data"]
    return data["seconds"], data["bytes"]


def measure(command: str, rounds: int) -> None:
    """Print a line for an empty compile cache, and one for each round with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"XDG_CACHE_HOME": folder, "HOME": folder}
        for i in range(rounds):
            words = command.split()
            if words[0] in WRITING:
                words += ["--out", folder, "--name", f"run{i}"]
            elif words[0] == "lesson":
                words += ["-o", f"{folder}/page.html"]
            seconds, size = predicted(words, environment)
            taken = run(words, environment)
            left = "" if taken.left is None else f"{taken.left[0]:4.0f} of {taken.left[1]:4.0f}"
            print(
                f"{'warm' if i else 'cold'} {seconds:6.1f} {taken.wall:6.1f} {taken.cpu:6.1f} "
                f"{seconds / taken.wall:5.2f} {left:>12} {size / 1e6:6.0f} {taken.peak / 1e6:6.0f} "
                f"{size / taken.peak:5.2f}  {command}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="?", default="", help="only commands that contain this")
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    print(f"cache   told   wall    cpu ratio {'left: told':>12}  told   peak ratio  (seconds, MB)")
    for command in COMMANDS:
        if asked.words in command:
            measure(command, asked.rounds)


if __name__ == "__main__":
    main()

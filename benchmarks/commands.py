"""Whole commands: wall time, processor time and peak memory, each in a process of its own.

Run: python benchmarks/commands.py [help] [sweep] [measure] [long] [--rounds 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import reached

MEASURE = """
import time, jax, jax.numpy as jnp
jax.devices()
step = lambda p, h, x: jnp.tanh(p["w"] @ h + p["u"] @ x)
params = {"w": jnp.eye(4), "u": jnp.ones((4, 1))}
state, xs = jnp.zeros(4), jax.random.normal(jax.random.key(0), (50, 1))
for _ in range(2):
    began = time.perf_counter()
    import gradlab
    gradlab.measure(step, params, state, xs)
    print(time.perf_counter() - began)
"""
"""A step of 4 units that a user measures twice, after `import jax`."""


class Cost(NamedTuple):
    """Seconds on the wall, seconds of all cores, bytes at the peak."""

    wall: float
    cpu: float
    peak: int


def cost(*words: str, cache: str) -> Cost:
    """What `gradlab WORDS` takes, with its compiled programs kept in `cache`."""
    environment = os.environ | {"XDG_CACHE_HOME": cache, "HOME": cache}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlab", *words], stdout=subprocess.DEVNULL, env=environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"gradlab {' '.join(words)} ended with status {status}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def show(name: str, costs: list[Cost]) -> None:
    wall, cpu, peak = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"{name:<28}{wall:>8.2f} s wall {cpu:>8.2f} s cpu {peak / 2**20:>8.0f} MiB", flush=True)


def helps(rounds: int, write: bool) -> None:
    """`--help`, which must answer in 0.3 s."""
    with tempfile.TemporaryDirectory() as cache:
        show("--help", [cost("--help", cache=cache) for _ in range(rounds)])


def sweeps(rounds: int, write: bool) -> None:
    """The default sweep, with no compiled program kept (cold) and with all of them (warm)."""
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for name, costs in (("cold", cold), ("warm", warm)):
                costs.append(cost("sweep", "-q", "--out", cache, "--name", name, cache=cache))
    for name, costs, aim in (("sweep, cold", cold, "15 s"), ("sweep, warm", warm, "6 s")):
        show(name, costs)
        if write:
            wall = statistics.median(one.wall for one in costs)
            reached.record(f"`gradlab {name.replace(',', '`,')}", "wall time", f"{wall:.1f} s", aim, rounds)


def measures(rounds: int, write: bool) -> None:
    """`gradlab.measure` of a new step, JAX's compile cache warm; then the same again in that process."""
    found = []
    with tempfile.TemporaryDirectory() as cache:
        kept = {
            "JAX_COMPILATION_CACHE_DIR": cache,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        for _ in range(rounds + 1):
            words = [sys.executable, "-c", MEASURE]
            said = subprocess.run(words, env=os.environ | kept, check=True, capture_output=True, text=True)
            found.append([float(line) for line in said.stdout.split()])
    # The first one has filled the cache.
    for name, seconds, aim in zip(
        ("a new step", "the same again"), zip(*found[1:], strict=True), ("1.5 s", "0.4 s"), strict=True
    ):
        wall = statistics.median(seconds)
        print(f"measure, {name:<19}{wall:>8.2f} s wall", flush=True)
        if write:
            reached.record(f"`gradlab.measure`, {name}, N = 4", "wall time", f"{wall:.2f} s", aim, rounds)


def long_ones(rounds: int, write: bool) -> None:
    """One network of 64 units over ever longer sequences: time per step, and memory."""
    with tempfile.TemporaryDirectory() as cache:
        for cell, lengths in (("elman", (1_000, 10_000, 100_000, 1_000_000)), ("lru", (1_000_000,))):
            for T in lengths:
                words = ("sweep", "-q", "--cell", cell, "--w-rec", "0.9", "-T", str(T), "--seeds", "1")
                names = [f"{cell}-{T}-{i}" for i in range(rounds)]
                costs = [cost(*words, "--out", cache, "--name", n, cache=cache) for n in names]
                show(f"{cell}, T = {T}", costs)
                if write and T >= 100_000:
                    wall = statistics.median(one.wall for one in costs)
                    peak = max(one.peak for one in costs) / 2**30
                    of = f"`gradlab sweep`, one network, {cell}, N = 64, T = {T:.0e}".replace("e+0", "e")
                    aim = "linear, 2 GiB"
                    reached.record(of, "time and memory", f"{wall:.1f} s, {peak:.2f} GiB", aim, rounds)


def main() -> None:
    parts = {"help": helps, "sweep": sweeps, "measure": measures, "long": long_ones}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="what to time; all if left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep what was reached in RESULTS.md")
    asked = parser.parse_args()
    for name in asked.parts or parts:
        parts[name](asked.rounds, asked.write)


if __name__ == "__main__":
    main()

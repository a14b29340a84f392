"""Times callables in turn, A B C A B C ..., so that whatever slows the machine down slows all of them.

A round waits until other processes leave the machine alone, and counts only if they went on doing so (where
the system tells): libraries differ in what a neighbour costs them.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

BUSY = 0.08
"""The share of the machine that others may take in a round that counts."""
LEAST = 5
"""With fewer quiet rounds than this, all rounds are taken and the printout says so."""


Times = dict[str, list[float]]
"""Seconds that each call took, round by round."""


def compare(calls: dict[str, Callable[[], object]], rounds: int = 15, seconds: float = 60) -> Times:
    """Time all calls in turn until `rounds` rounds were quiet or the time is up."""
    for call in calls.values():
        call()
    quiet, noisy = [], []
    until = time.perf_counter() + seconds
    while len(quiet) < rounds and time.perf_counter() < until:
        while _share_of_others() > BUSY and time.perf_counter() < until:
            pass
        before, taken = _others(), {}
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            taken[name] = time.perf_counter() - began
        share = (_others() - before) / (sum(taken.values()) * (os.cpu_count() or 1))
        (noisy if share > BUSY else quiet).append(taken)
    counted = quiet if len(quiet) >= LEAST else quiet + noisy
    note = "" if counted is quiet else "; TOO FEW WERE QUIET, so all are shown: do not quote these"
    print(f"{len(quiet)} quiet rounds, {len(noisy)} disturbed by other processes{note}")
    return {name: [taken[name] for taken in counted] for name in calls}


def show(times: Times, ours: str) -> None:
    """One line per call: min, median and max, and how many times as long as `ours` it took, pair by pair."""
    width = max(len(name) for name in times)
    print(f"{'':{width}s}     min  median     max   times {ours}: median (quartiles)")
    for name, taken in times.items():
        ratios = pairs(times, name, ours)
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        milli = " ".join(
            f"{1e3 * value:7.1f}" for value in (min(taken), statistics.median(taken), max(taken))
        )
        print(f"{name:{width}s} {milli} ms {middle:5.2f} ({low:.2f} to {high:.2f})")


def pairs(times: Times, name: str, ours: str) -> list[float]:
    """The time of `name` over the time of `ours`, round by round."""
    return [b / a for a, b in zip(times[ours], times[name], strict=True)]


def ratio(times: Times, name: str, ours: str) -> float:
    """The median of the pairs."""
    return statistics.median(pairs(times, name, ours))


def _share_of_others(seconds: float = 0.2) -> float:
    before = _others()
    time.sleep(seconds)
    return (_others() - before) / (seconds * (os.cpu_count() or 1))


def _others() -> float:
    """Processor seconds that other processes, and other guests of the host, have taken; 0 if unknown."""
    try:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError):
        return 0.0
    user, nice, system, _idle, _wait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - time.process_time()

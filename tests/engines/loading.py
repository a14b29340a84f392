"""Many groups through a real scheduler and its workers: what comes back, and what this process needed."""

import sys
from pathlib import Path

import numpy as np

from gradlab import runtime
from gradlab.engines import dask, work
from gradlab.runs.shards import pack
from gradlab.studies.base import Group
from gradlab.studies.sweep.settings import Sweep

BYTES = 20_000
"""Of what comes back of a group: that of a sweep of a hundred networks."""


def compute(asked, group, stored):
    """In the place of `work.compute`: no numbers are needed here."""
    content = pack({"norms": np.full(BYTES // 8, float(group.T))})
    return work.Result(group, [({"cell": group.label, "T": group.T}, content)], runtime.versions())


def peak():
    """Bytes that this process has held at the most."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    many = int(sys.argv[1])
    runtime.configure("cpu")
    work.compute = compute
    groups = [Group("elman", T, ()) for T in range(1, many + 1)]
    began = dict.fromkeys(groups, 0)
    for result in dask.Dask(workers=2).results(Sweep(cell=("elman",), T=(5,)), groups):
        if result is not None:
            began[result.group] += 1
    print(set(began.values()), peak())

"""A sweep through a real scheduler while its workers and its command are killed at random, until it is whole.

Workers and the command are processes of their own, forked from one that has imported what they need.
"""

import hashlib
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.engines import schedulers

WORKERS = 2
PAUSE = 0.5
"""Seconds in the mean, exponential, from the moment on at which a kill may come to the kill."""
AT_ONCE = 1 / 4
"""Of the kills, those that may come at once after the one before; others wait until more is kept."""
LONGEST = 12.0
"""Seconds that they wait for that."""
COMMAND = 1 / 3
"""Of the kills, those of the command's own process."""
SWEEP = (
    *("--cell", "elman,gru", "-T", "4:63:60", "--w-rec", "0.5,1.5", "--seeds", "2", "--hidden", "4"),
    "--quiet",
)
SHARDS = 240
"""Of 120 groups: the numbers of each, and that it is whole."""
IMPORTED = (
    *("jax", "gradlab.cli", "gradlab.execute", "gradlab.engines.dask", "gradlab.studies.sweep.compute"),
    *("gradlab.plots._default", "distributed.cli.dask_worker"),
)
PATIENCE = 600.0
"""Seconds in which something has to be kept while nothing is killed."""


def quiet():
    """Nothing that a victim says goes anywhere."""
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def work(address):
    """A worker of the scheduler, until it is killed."""
    quiet()
    from distributed.cli.dask_worker import main

    main([address, "--nthreads", "1", "--no-nanny", "--no-dashboard"])


def command(words):
    """The command; it exits as it would from a shell."""
    quiet()
    from gradlab import cli

    sys.exit(int(cli.execute(list(words))))


def kept(folder, before):
    """Digests of the shards that are kept, and when each was written; `before` knows those that are old."""
    found = {}
    for path in folder.glob("shards/*.shard"):
        try:
            written = path.stat().st_mtime_ns
            if path.name in before and before[path.name][1] == written:
                found[path.name] = before[path.name]
            else:
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest(), written
        except FileNotFoundError:
            # The run has ended since.
            continue
    return found


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Disturbed:
    """Processes that are killed and started again, and what was counted of that."""

    def __init__(self, address, context, kills, until):
        self.address, self.context, self.wanted, self.until = address, context, kills, until
        self.random = random.Random(16)
        self.workers = [self._worker() for _ in range(WORKERS)]
        self.counts = dict.fromkeys(
            ("workers killed", "commands killed", "restarts", "ended early", "runs", "seen"), 0
        )

    @property
    def kills(self):
        return self.counts["workers killed"] + self.counts["commands killed"]

    def going_on(self):
        """Whether there is more to kill."""
        return self.kills < self.wanted and time.monotonic() < self.until

    def _worker(self):
        return self._started(work, self.address)

    def _started(self, target, given):
        process = self.context.Process(target=target, args=(given,))
        process.start()
        return process

    def run(self, folder, whole):
        """One sweep from its beginning to its end, whoever is killed meanwhile."""
        words = ("sweep", *SWEEP, "--out", str(folder.parent), "--name", folder.name)
        words += ("--engine", "dask", "--scheduler", self.address)
        process, before = self._started(command, words), {}
        following, changed = None, time.monotonic()
        killed, at_once = changed, False
        while True:
            process.join(0.2)
            now = kept(folder, before)
            if now.keys() - before.keys():
                self.counts["seen"] += len(now.keys() - before.keys())
                changed = time.monotonic()
            if following is None and (changed > killed or at_once or time.monotonic() > killed + LONGEST):
                following = time.monotonic() + self.random.expovariate(1 / PAUSE)
            # What was kept is there, and the same, until the run is whole.
            lost = [name for name in before if now.get(name, ("",))[0] != before[name][0]]
            assert not lost or (folder / "run.json").exists(), f"{len(lost)} shards are lost"
            before = before | now
            if process.exitcode == 0:
                break
            if process.exitcode is not None:
                self.counts["restarts"] += 1
                # Three workers of one group killed, or none left at the moment: the same command goes on.
                assert process.exitcode in (-9, 3, 6), process.exitcode
                self.counts["ended early"] += process.exitcode != -9
                process = self._started(command, words)
            self.workers = [one if one.is_alive() else self._worker() for one in self.workers]
            if following is not None and time.monotonic() > following and self.going_on():
                self._kill(process)
                following, killed, at_once = None, time.monotonic(), self.random.random() < AT_ONCE
                changed = killed
            assert time.monotonic() - changed < PATIENCE, "nothing goes on"
        self.counts["runs"] += 1
        assert len(before) <= SHARDS, "a group is kept under two names"
        assert files(folder) == whole, "other bytes than those of a run that nobody disturbed"

    def _kill(self, process):
        if self.random.random() < COMMAND:
            process.kill()
            self.counts["commands killed"] += 1
        else:
            one = self.random.choice(self.workers)
            one.kill()
            one.join()
            self.counts["workers killed"] += 1

        if self.kills % 25 == 0:
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {self.kills} kills: {json.dumps(self.counts)}\n")
            sys.stderr.flush()

    def stop(self):
        for one in self.workers:
            one.kill()


def main(kills, seconds=float("inf")):
    """Kill so many, in as many runs as that takes; none after so many seconds, but the run ends."""
    began = time.monotonic()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    with schedulers.scheduler(None, workers=0) as running, tempfile.TemporaryDirectory() as out:
        alone = context.Process(target=command, args=(("sweep", *SWEEP, "--out", out, "--name", "whole"),))
        alone.start()
        alone.join()
        assert alone.exitcode == 0, alone.exitcode
        whole = files(Path(out) / "whole")
        disturbed = Disturbed(running.address, context, kills, began + seconds)
        try:
            while disturbed.going_on():
                # All runs have one name, which the report of a run repeats.
                folder = Path(out) / f"{disturbed.counts['runs']}" / "run"
                folder.parent.mkdir()
                disturbed.run(folder, whole)
        finally:
            disturbed.stop()
    told = disturbed.counts | {"kills": disturbed.kills}
    sys.stdout.write(json.dumps(told | {"seconds": round(time.monotonic() - began)}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))

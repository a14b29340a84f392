"""Schedulers and workers of Dask on this machine, each a process of its own."""

import contextlib
import re
import subprocess
import sys
import threading
import time
from typing import Any, NamedTuple


class Running(NamedTuple):
    """What was started: the scheduler's address, its process, and those of its workers."""

    address: str
    first: Any
    workers: list[Any]
    said: list[list[str]]
    """The lines of each worker."""


@contextlib.contextmanager
def scheduler(environment, workers=1, over="tcp", options=(), folder=None):
    """A scheduler, and workers that have registered, in a folder and with that environment; None: ours.

    `options` are further ones of each worker.
    """
    with contextlib.ExitStack() as stack:

        def started(*words):
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                env=environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        def reading(process, pattern):
            """What matches the pattern in the first line that has it, and all lines as they come."""
            lines = [process.stdout.readline()]
            while not (found := re.search(pattern, lines[-1])):
                assert lines[-1], "".join(lines)
                lines.append(process.stdout.readline())
            rest = threading.Thread(target=lambda: lines.extend(process.stdout))
            rest.start()
            # Before its output is closed.
            stack.callback(lambda: (process.kill(), rest.join()))
            return found[0], lines

        place = ("--host", f"{over}://127.0.0.1", "--port", "0", "--no-dashboard")
        first = started("distributed.cli.dask_scheduler", *place)
        address, _ = reading(first, rf"{over}://127\.0\.0\.1:\d+")
        one = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        some = [started(*one, *options) for _ in range(workers)]
        said = [reading(worker, "Registered to")[1] for worker in some]
        yield Running(address, first, some, said)


def until(true, seconds=120):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

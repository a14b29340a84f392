"""Real schedulers and workers: whatever becomes of them, the bytes are those of one process."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.calling import ENVIRONMENT

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
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
HERE = str(Path(__file__).parents[2])
ENVIRONMENT = ENVIRONMENT | {"PYTHONPATH": HERE}


def gradlab(*words, **environment):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gradlab", *map(str, words)],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of one process."""
    place = tmp_path_factory.mktemp("whole")
    assert gradlab("sweep", *SWEEP, "--out", place, "--name", "run").returncode == 0
    return files(place / "run")


@pytest.fixture
def other_cluster():
    """Somebody has the port that a Dask scheduler serves its health and its dashboard at by itself."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        yield


@contextlib.contextmanager
def scheduler(workers=1, **environment):
    """The address of a scheduler with workers, each a process; the scheduler's process, and theirs."""
    with contextlib.ExitStack() as stack:

        def started(*words):
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                env=ENVIRONMENT | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        first = started(
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        address = next(
            word for line in first.stdout for word in line.split() if word.startswith("tcp://127.0.0.1:")
        )
        threading.Thread(target=first.stdout.read, daemon=True).start()
        some = [
            started("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(workers)
        ]
        for one in some:
            next(line for line in one.stdout if "Registered to" in line)
            threading.Thread(target=one.stdout.read, daemon=True).start()
        yield address, first, some


def test_workers_of_this_machine_give_the_same_bytes_beside_another_cluster(whole, tmp_path, other_cluster):
    said = gradlab("sweep", *SWEEP, "--out", tmp_path, "--name", "run", "--engine", "dask", "--workers", "2")
    assert (said.returncode, said.stderr) == (0, "")
    assert files(tmp_path / "run") == whole


def shards(folder):
    return len(list(folder.glob("shards/*.shard")))


def until(true, seconds=120):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(tmp_path, address):
    """The command at work, when the first of its groups is kept."""
    words = (
        "sweep",
        *SWEEP,
        "--out",
        str(tmp_path),
        "--name",
        "run",
        "--engine",
        "dask",
        "--scheduler",
        address,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlab", *words],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: shards(tmp_path / "run") or process.poll() is not None)
    assert process.poll() is None, process.stderr.read()
    return process


def test_a_worker_that_is_killed_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2) as (address, _, some):
        process = begun(tmp_path, address)
        some[0].kill()
        _, said = process.communicate(timeout=200)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


def test_without_its_scheduler_it_ends_with_what_is_kept_and_goes_on(whole, tmp_path):
    with scheduler() as (address, first, _):
        process = begun(tmp_path, address)
        began = time.monotonic()
        first.kill()
        _, said = process.communicate(timeout=200)
        assert process.returncode == 6
        assert time.monotonic() - began < 30
        assert said.splitlines()[-1].startswith(
            f"error: --scheduler: {address}: the scheduler is gone; what was"
        )
    kept = shards(tmp_path / "run")
    assert 0 < kept < 8
    assert gradlab("sweep", *SWEEP, "--out", tmp_path, "--name", "run").returncode == 0
    assert files(tmp_path / "run") == whole


def test_the_command_killed_and_started_again_computes_the_rest(whole, tmp_path):
    with scheduler() as (address, _, _):
        process = begun(tmp_path, address)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        words = ("--out", tmp_path, "--name", "run", "--engine", "dask", "--scheduler", address)
        assert gradlab("sweep", *SWEEP, *words).returncode == 0
    assert files(tmp_path / "run") == whole


def test_a_group_that_ends_every_worker_is_named_and_the_rest_is_kept(tmp_path):
    cell = "tests.engines.killing:Killing"
    words = (
        "--cell",
        f"elman,{cell}",
        "--w-rec",
        "0.5",
        "-T",
        "6",
        "--seeds",
        "1",
        "--hidden",
        "4",
        "--quiet",
    )
    words += ("--out", tmp_path, "--name", "run")
    said = gradlab("sweep", *words, "--engine", "dask", "--workers", "2", GRADLAB_TESTS_KILL="1")
    assert said.returncode == 3, said.stderr
    assert said.stderr.splitlines()[-1].startswith(
        f"error: --engine: {cell} at T = 6: its worker ended 3 times;"
    )
    assert shards(tmp_path / "run") == 2
    assert gradlab("sweep", *words).returncode == 0


def test_a_worker_that_differs_is_refused_before_the_first_point(tmp_path):
    with scheduler(JAX_DEFAULT_PRNG_IMPL="rbg") as (address, _, _):
        words = ("--out", tmp_path, "--name", "run", "--engine", "dask", "--scheduler", address)
        said = gradlab("sweep", *SWEEP, *words)
    assert said.returncode == 6
    assert "differs from this machine: random was 'threefry2x32, partitionable', now 'rbg, " in said.stderr
    assert said.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_worker_that_is_stopped_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="10s") as (address, _, some):
        process = begun(tmp_path, address)
        os.kill(some[0].pid, signal.SIGSTOP)
        _, said = process.communicate(timeout=250)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


def test_nobody_at_the_address_is_a_line_and_exit_6(tmp_path):
    words = ("--out", tmp_path, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    said = gradlab("sweep", *SWEEP, *words)
    assert said.returncode == 6
    assert said.stderr.splitlines()[-1].startswith(
        "error: --scheduler: tcp://127.0.0.1:9: no scheduler answers"
    )
    assert list(tmp_path.iterdir()) == []

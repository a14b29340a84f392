"""Workers, the scheduler and the command come to harm: nothing is lost, and no byte is another."""

import contextlib
import os
import signal
import threading
import time

import pytest

from tests.engines import watched
from tests.engines.calling import SWEEP, begun, files, gradlab, scheduler, shards

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


def test_a_worker_that_is_killed_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2) as (address, _, some, _):
        process = begun(tmp_path, address)
        some[0].kill()
        _, said = process.communicate(timeout=200)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


def test_without_its_scheduler_it_ends_with_what_is_kept_and_goes_on(whole, tmp_path):
    with scheduler() as (address, first, *_):
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
    with scheduler() as (address, *_):
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


@pytest.mark.slow
def test_a_worker_that_is_stopped_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="10s") as (address, _, some, _):
        process = begun(tmp_path, address)
        os.kill(some[0].pid, signal.SIGSTOP)
        _, said = process.communicate(timeout=250)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


@contextlib.contextmanager
def slowed(process, share=0.1):
    """Let a process run for a share of the time."""
    over = threading.Event()

    def slow():
        while not over.wait(0.5 * share):
            os.kill(process.pid, signal.SIGSTOP)
            over.wait(0.5 * (1 - share))
            os.kill(process.pid, signal.SIGCONT)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_a_worker_that_is_ten_times_slower_takes_fewer_groups_and_none_is_lost_or_counted_twice(tmp_path):
    lengths = [*range(4, 24)]
    words = ("--cell", "elman", "--w-rec", "0.5,1.5", "-T", ",".join(map(str, lengths)), "--seeds", "2")
    words += ("--hidden", "4", "--quiet", "--name", "run", "--out")
    assert gradlab("sweep", *words, tmp_path / "here").returncode == 0
    with scheduler(workers=2, options=("--preload", watched.__name__)) as (address, _, some, lines):
        with slowed(some[0]):
            there = ("--engine", "dask", "--scheduler", address)
            said = gradlab("sweep", *words, tmp_path / "there", *there)
        assert (said.returncode, said.stderr) == (0, "")
        slow, quick = (watched.groups(one) for one in lines)
    assert sorted(T for _, T, _ in [*slow, *quick]) == lengths
    assert 0 < len(slow) < len(quick)
    assert files(tmp_path / "there" / "run") == files(tmp_path / "here" / "run")

"""Two runs on one folder: one works, the other is told by whom, and a killed holder is in nobody's way."""

import functools
import operator
import os
import random
import signal
import socket
import time

import pytest

from gradlab.errors import Exit
from tests.faults.calling import TRAINING, digests


@pytest.mark.parametrize("linked", [False, True])
def test_the_second_is_refused_within_two_seconds_and_told_host_and_process(driver, tmp_path, linked):
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    first = driver.start(tmp_path / "out", pause="elman 5")
    driver.until(first, "paused")
    before, began = digests(tmp_path / "out"), time.monotonic()
    second = driver.run(tmp_path / ("link" if linked else "out"))
    assert time.monotonic() - began < 2
    assert second.code == Exit.ENVIRONMENT
    assert f"is in use by process {first} on {socket.gethostname()};" in second.err
    assert second.computed == []
    assert digests(tmp_path / "out") == before
    os.kill(first, signal.SIGKILL)
    assert driver.wait(first).code == -signal.SIGKILL
    third = driver.run(tmp_path / "out")
    assert (third.code, third.computed) == (0, ["elman 5"])


def race(driver, tmp_path, whole, rounds, runs):
    words, files, alone = whole
    for number in range(rounds):
        out = tmp_path / str(number)
        started = [driver.start(out, words) for _ in range(runs)]
        ended = [driver.wait(each) for each in started]
        codes = [each.code for each in ended]
        assert set(codes) <= {0, Exit.ENVIRONMENT}
        assert 0 in codes
        assert functools.reduce(operator.iadd, (each.computed for each in ended), []) == alone.computed
        for each in ended:
            if each.code:
                assert any(f"process {holder} on " in each.err for holder in started)
        assert digests(out) == files


def test_of_runs_that_start_together_exactly_one_computes(driver, tmp_path, whole):
    race(driver, tmp_path, whole, 2, 3)


@pytest.mark.long
def test_eight_runs_together_a_hundred_times(driver, tmp_path, whole):
    race(driver, tmp_path, whole, 100, 8)


@pytest.mark.long
def test_killed_at_random_moments_the_next_goes_on(driver, tmp_path, whole):
    words, files, _alone = whole
    chosen = random.Random(20260101)
    for number in range(300):
        out, computed = tmp_path / str(number), 0
        while True:
            started = driver.start(out, words)
            if chosen.random() < 0.8:
                time.sleep(chosen.uniform(0, 0.5))
                os.kill(started, signal.SIGKILL)
            ended = driver.wait(started)
            computed += len(ended.computed)
            if ended.code == 0:
                break
        assert digests(out) == files


@pytest.mark.slow
def test_commands_of_two_kinds_do_not_share_a_folder(driver, tmp_path):
    first = driver.start(tmp_path, pause="elman 5")
    driver.until(first, "paused")
    assert driver.run(tmp_path, TRAINING).code == Exit.ENVIRONMENT
    os.kill(first, signal.SIGTERM)
    driver.wait(first)
    other = driver.run(tmp_path, TRAINING)
    assert other.code == Exit.USAGE
    assert "begun with other settings" in other.err

"""SIGKILL at every call that changes a file: the same command then ends in the same bytes."""

import random

import pytest

from tests.faults.calling import digests
from tests.faults.failing import CALLS

MOST = 200
"""More calls of a kind than any command here makes."""


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_call_the_same_command_ends_in_the_same_bytes(driver, whole, tmp_path, call):
    words, files, alone = whole
    for at in range(1, MOST):
        out = tmp_path / str(at)
        killed = driver.run(out, words, fault=(call, at, "KILL", False))
        if not killed.struck:
            assert killed.code == 0
            break
        assert killed.code == -9
        again = driver.run(out, words)
        assert (again.code, again.err) == (0, ""), f"killed at {call} {at}"
        assert digests(out) == files, f"killed at {call} {at}"
        # One piece was on its way; all that came before it is kept.
        assert len(killed.computed) + len(again.computed) <= len(alone.computed) + 1
    assert (at > 1) or call in ("rmdir",)
    assert digests(out) == files


@pytest.mark.slow
def test_killed_again_and_again_it_still_gets_there(driver, whole, tmp_path):
    words, files, alone = whole
    computed = []
    for at in range(1, MOST):
        ended = driver.run(tmp_path, words, fault=("replace", at, "KILL", False))
        computed += ended.computed
        if ended.code == 0:
            break
        assert ended.code == -9
    assert at > 3
    assert driver.run(tmp_path, words).computed == []
    assert digests(tmp_path) == files
    assert set(computed) == set(alone.computed)


@pytest.mark.long
def test_hundreds_of_kills_at_random_calls(driver, whole, tmp_path):
    words, files, _ = whole
    chosen = random.Random(20260101)
    for number in range(300):
        out = tmp_path / str(number)
        while True:
            fault = (chosen.choice(CALLS), chosen.randint(1, 40), "KILL", False)
            ended = driver.run(out, words, fault=fault)
            if ended.code == 0:
                break
            assert ended.code == -9
        assert digests(out) == files

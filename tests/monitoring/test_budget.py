"""The interval between looks follows from what they take; seconds here are counted, not measured."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from gradlab.monitoring import compiling
from gradlab.monitoring.budget import Budget


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def trained(share, calls, call=1.0, look=10.0, glance=0.0, first=0.0, compiles=()):
    """The calls of a training that were looked and glanced at, and the share of its time that this took.

    Each look takes `look` and the seconds of `compiles` at its place, or at the last.
    """
    clock, compiler = Clock(), Clock()
    budget, looked, glanced = Budget(share, clock, compiler), [], []
    for i in range(calls):
        budget.called()
        if budget.allows("glance"):
            with budget.timed("glance"):
                clock.now += glance + (first if not glanced else 0.0)
            glanced.append(i)
        if budget.allows("look"):
            with budget.timed("look"):
                took = compiles[min(len(looked), len(compiles) - 1)] if compiles else 0.0
                compiler.now += took
                clock.now += look + took
            looked.append(i)
        clock.now += call
    return looked, glanced, budget.spent / budget.elapsed


def test_looks_wait_until_they_are_within_the_share():
    looked, _, share = trained(0.05, 1000)
    # After a look of 10 s there must be 400 s: (10 + 10) / (390 + 10) = 5 %; then one in each 200 s.
    assert looked[:4] == [0, 380, 570, 760]
    assert share <= 0.05


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("look", [0.1, 3.0, 40.0])
def test_the_share_is_kept_at_every_later_look(share, look):
    looked, _, spent = trained(share, 1000, look=look)
    assert spent <= share or looked == [0]
    # It is used, too: the interval is not longer than it has to be.
    assert len(looked) >= min(int(share * 1000 / look), 1000)


def test_what_was_compiled_for_the_first_look_is_paid_for_and_not_expected_again():
    looked, _, share = trained(0.05, 1000, look=0.5, compiles=[9.5, 0.0])
    # (10 + 0.5) / (209.5 + 0.5) = 5 %; were the second to take 10 s, too, at 400 s. Then one in 10 s.
    assert looked[:4] == [0, 200, 209, 219]
    assert share <= 0.05


def test_a_step_that_is_compiled_for_every_look_is_known_from_the_second_on():
    looked, _, share = trained(0.05, 1000, look=0.5, compiles=[9.5])
    # (20 + 10) / (590 + 10) = 5 %.
    assert looked[:4] == [0, 200, 570, 760]
    assert share <= 0.05


def test_a_search_is_paid_for_and_is_no_measure_of_a_look():
    clock = Clock()
    budget = Budget(0.05, clock, compiled=lambda: 0.0)
    budget.called()
    for kind, took in (("look", 1.0), ("search", 40.0)):
        with budget.timed(kind):
            clock.now += took
    for wait, allowed in ((797.0, False), (2.0, True)):
        clock.now += wait
        # 41 s and a look of 1 s are 5 % of 840 s.
        assert budget.allows("look") is allowed


def test_what_jax_compiles_is_counted_and_what_it_finds_is_not():
    before = compiling.seconds()
    program = jax.jit(lambda x: jnp.cos(x) + before)
    program(1.0)
    after = compiling.seconds()
    assert after > before
    program(2.0)
    assert compiling.seconds() == after


def test_cheap_looks_do_not_wait():
    looked, _, _ = trained(0.05, 200, look=0.01)
    assert len(looked) == 200


def test_a_whole_share_never_waits():
    looked, glanced, _ = trained(1.0, 30, look=1e6, glance=1e6)
    assert (looked, glanced) == (list(range(30)), list(range(30)))


def test_glances_belong_to_every_call_unless_calls_are_too_short():
    # A hundredth of the time: 0.2 of 5 %. What the first takes to be compiled is not waited for.
    looked, glanced, _ = trained(0.05, 300, look=0.0, glance=0.0099, first=5.0)
    assert glanced == list(range(300))
    # The first look is at the start, whatever the first glance has taken.
    assert looked[0] == 0
    _, glanced, share = trained(0.05, 300, look=0.0, glance=0.05)
    assert glanced[:2] == [0, 1]
    assert all(5 <= b - a <= 6 for a, b in itertools.pairwise(glanced[1:]))
    assert share <= 0.011

"""The interval between looks follows from what they take; seconds here are counted, not measured."""

import itertools

import pytest

from gradlab.monitoring.budget import Budget


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def trained(share, calls, call=1.0, look=10.0, glance=0.0, first=0.0):
    """The calls of a training that were looked and glanced at, and the share of its time that this took."""
    clock = Clock()
    budget, looked, glanced = Budget(share, clock), [], []
    for i in range(calls):
        budget.called()
        if budget.allows("glance"):
            with budget.timed("glance"):
                clock.now += glance + (first if not glanced else 0.0)
            glanced.append(i)
        if budget.allows("look"):
            with budget.timed("look"):
                clock.now += look
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

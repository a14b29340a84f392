"""The choice of a learning rate: beyond those given, and without training what cannot win."""

import dataclasses

import numpy as np
import pytest

from gradlab.studies.remedies import arms, rates, work
from gradlab.studies.remedies.networks import Network
from gradlab.studies.remedies.settings import Training, beyond, edges

ASKED = Training(task="latch", T=(5,), hidden=3, lr=(0.1, 0.01), tuning=2, updates=400, w_rec=(1.0, 2.0))


class Fake:
    """Networks of which is known when they solve the task and what loss they end with."""

    def __init__(self, monkeypatch, solves, losses=lambda rate: 1.0):
        self.solves, self.losses, self.updates, self.stages = solves, losses, 0, []
        self.listens = True
        monkeypatch.setattr(rates.train, "draw", lambda comparison, arm, setting, what: what)
        monkeypatch.setattr(rates.train, "run", self.run)

    def run(self, comparison, setting, what, closed_form, tell, checkpoint, beaten, until=None):
        self.stages.append(checkpoint.key["doing"])
        self.before = [key["doing"] for key in checkpoint.before]
        when = np.array([self.solves(w, rate, int(name.split()[1])) for w, rate, name in what])
        solved, none = np.zeros(len(what), np.int64), np.zeros(len(what), bool)
        on = np.ones(len(what), bool)
        for update in range(comparison.stride, (until or comparison.updates) + 1, comparison.stride):
            self.updates += comparison.stride * int(on.sum())
            solved[on & (when == update)] = update
            on = (solved == 0) & ~(beaten(solved, none, update) if self.listens else none)
        losses = np.array([[self.losses(rate) for _, rate, _ in what]])
        fields = dict.fromkeys(Network._fields) | {"broken": np.zeros(len(what))}
        return Network(**fields), {"loss": losses}, solved


def choose(comparison, rung=()):
    arm = arms.arm("none", comparison.cell, comparison.init)
    setting = work.setting_of(comparison, arm, comparison.T[0], 3)
    return rates.chosen(
        comparison, arm, setting, lambda stage: lambda done, of, computed: None, None, {}, rung
    )


def test_it_goes_on_while_the_best_is_at_the_edge_and_no_further(monkeypatch):
    best = {1.0: 3.0, 2.0: 0.01}
    fake = Fake(monkeypatch, lambda w, rate, s: 100 if rate == best[w] else 0, lambda rate: -np.log(rate))
    assert choose(dataclasses.replace(ASKED, lr=(0.1, 0.03, 0.01))) == [0.1, 0.01]
    assert fake.stages == ["tuning"]
    # 0.3, 1 and 3 by the loss, that falls; below 0.01 nothing solves it.
    assert choose(dataclasses.replace(ASKED, lr=(0.1, 0.03, 0.01), widen=True)) == [3.0, 0.01]
    assert fake.stages[1:] == ["tuning", "tuning beyond, 1", "tuning beyond, 2", "tuning beyond, 3"]
    assert work.tuning(dataclasses.replace(ASKED, widen=True)) == fake.stages[1:]


def test_at_a_rung_the_rate_is_that_of_the_updates_made_so_far(monkeypatch):
    """The larger rate solves the task late, the smaller one with one seed of two, soon."""
    asked = dataclasses.replace(ASKED, w_rec=(1.0,))
    fake = Fake(monkeypatch, lambda w, rate, s: 300 if rate == 0.1 else 100 * (1 - s))
    assert choose(asked, [200]) == [0.01]
    assert (fake.stages, fake.before) == (["tuning, lr 0.1 and 0.01, to 200"], [])
    assert choose(asked, [200, 400]) == [0.1]
    # It goes on from the rung before, and keeps what it has under a name of its own.
    assert fake.stages[1:] == ["tuning, lr 0.1 and 0.01, to 400"]
    assert fake.before == ["tuning, lr 0.1 and 0.01, to 200"]


@pytest.mark.slow
def test_what_cannot_win_is_trained_no_further_and_the_choice_is_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    saved = 0
    for _ in range(200):
        when = {}
        solves = lambda w, rate, s, when=when: when.setdefault((w, rate, s), 100 * int(rng.integers(0, 5)))
        loss = {}
        losses = lambda rate, loss=loss: loss.setdefault(rate, float(rng.integers(3)))
        asked = dataclasses.replace(ASKED, lr=(0.1, 0.03, 0.01), widen=bool(rng.random() > 0.5))
        fake = Fake(monkeypatch, solves, losses)
        found, short = choose(asked), fake.updates
        fake.updates, fake.listens = 0, False
        assert choose(asked) == found
        assert short <= fake.updates
        saved += fake.updates - short
    assert saved > 0


@pytest.mark.parametrize(
    ("best", "tried", "next"),
    [
        (0.01, (0.03, 0.01, 0.003), []),
        (0.03, (0.03, 0.01, 0.003), [0.09]),
        (0.003, (0.03, 0.01, 0.003), [0.0009]),
        (0.01, (0.01, 0.003), [0.03]),
        (1.0, (1.0, 0.1, 0.01), [10.0]),
        (0.5, (0.5,), []),
    ],
)
def test_the_next_rate_is_as_far_as_the_neighbour(best, tried, next):
    assert beyond(best, tried) == next


def test_a_small_factor_keeps_its_digits():
    assert beyond(0.11, (0.11, 0.1)) == pytest.approx([0.121])


def test_each_further_rate_lies_beyond_the_last():
    rng = np.random.default_rng(0)
    for _ in range(300):
        tried = (10 ** rng.uniform(-5, 1, 3)).tolist()
        for end, side in ((min, -1), (max, 1)):
            mine = list(tried)
            for _ in range(3):
                (further,) = beyond(end(mine), mine)
                assert side * further > side * end(mine)
                mine.append(further)
        low, high = edges(tried, widen=True)
        assert low < min(tried)
        assert high > max(tried)
    assert edges((0.1, 0.01), widen=False) == (0.01, 0.1)

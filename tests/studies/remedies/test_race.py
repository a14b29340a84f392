"""A race for the least work: the winner is the one of full trainings, and what is said of it is what was."""

import dataclasses
import itertools
import math
import re

import numpy as np
import pytest

from gradlab import significance
from gradlab.errors import GradlabError
from gradlab.planning.left import Left
from gradlab.planning.plan import Piece, Plan
from gradlab.planning.progress import Progress
from gradlab.studies.remedies import cheapest, collect, compute, race, results
from gradlab.studies.remedies.rows import Race, share
from gradlab.studies.remedies.sentences import besides, sentence
from gradlab.studies.remedies.settings import Training
from gradlab.studies.remedies.study import STUDY
from tests.studies.remedies.test_rows import row
from tests.trials import result

ARMS = ("none", "lstm", "gru", "orthogonal")
STAGE = "training at w_rec = 1.0"
ASKED = Training("latch", target=10, remedies=ARMS[1:], updates=1600, lr=(0.1,), seeds=5)


def test_each_rung_has_twice_the_work_and_the_last_is_all_of_it():
    rng = np.random.default_rng(0)
    for _ in range(300):
        costs, stride = rng.integers(1, 10**6, 4).tolist(), int(rng.integers(1, 50))
        updates = stride * int(rng.integers(1, 100))
        found = race.rungs(costs, updates, stride)
        assert found[-1] == max(costs) * updates
        assert len(found) == min(5, int(math.log2(updates // stride)) + 1)
        assert all(abs(two - 2 * one) <= 2 for one, two in itertools.pairwise(found))
        for cost, budget in itertools.product(costs, found):
            made = race.updates_of(cost, budget, updates, stride)
            assert made % stride == 0
            assert made == updates or made * cost <= budget < (made + stride) * cost
        assert race.updates_of(max(costs), found[0], updates, stride) >= stride


class Fake:
    """Arms of which is known when each seed solves the task, and what an update costs."""

    def __init__(self, patch, costs, solves):
        self.costs, self.solves, self.made = costs, solves, {}
        patch.setattr(compute, "_arm", self.arm)
        patch.setattr(compute.effort, "of_arm", lambda setting, closed, numbers: self.cost(setting))
        patch.setattr(compute.work, "setting_of", lambda comparison, arm, T, hidden: arm.label)
        patch.setattr(compute.work, "units", lambda comparison, arm: 3)

    def cost(self, label):
        known = self.costs[label]
        return {"trained": 9, "untrained": 0} | ({} if known is None else {"multiply_adds": known})

    def arm(self, comparison, text, arm, T, report, shards, rung=()):
        until = rung[-1] if rung else comparison.updates
        self.made[arm.label] = until
        when = np.array(self.solves[arm.label])
        rounds = np.arange(100, comparison.updates + 1, 100)
        gone = (rounds[:, None] > until) | ((when > 0) & (rounds[:, None] > when))
        one = result(arm.label, seeds=5, broken=0, T=T)
        names = one.evaluations
        yield one._replace(
            solved_at=np.where(when <= until, when, 0),
            updates=rounds,
            evaluations={name: np.where(gone, np.nan, 0.5) for name in names},
            costs=self.cost(arm.label),
        )


def drawn(rng):
    """Costs and the update by which each seed solves the task; 0: never."""
    costs = {arm: int(rng.integers(1, 9)) * 100 for arm in ARMS}
    if rng.random() < 0.3:
        costs[str(rng.choice(ARMS))] = None
    never = rng.choice([0.0, 0.4, 0.9])
    solves = {arm: (rng.random(5) > never) * rng.integers(1, 17, 5) * 100 for arm in ARMS}
    return costs, solves


def half(when):
    late = np.sort(np.where(when > 0, when, np.inf))
    return late[2]


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 10))])
def test_the_winner_is_that_of_full_trainings_and_takes_no_arm_more_than_twice_its_work(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    stopped = 0
    for _ in range(30 if seed else 6):
        costs, solves = drawn(rng)
        fake = Fake(monkeypatch, costs, solves)
        run = collect.run(ASKED, STUDY.stored(ASKED), list(compute.run(ASKED)))
        full = {arm: half(solves[arm]) * cost for arm, cost in costs.items() if cost}
        best = min(full.values())
        rows = run.outcomes()
        assert [one.arm for one in rows] == list(ARMS)
        raced = {
            one.arm: one.half * one.multiply_adds
            for one in rows
            if not math.isnan(one.half * one.multiply_adds)
        }
        if math.isinf(best):
            assert raced == {}
            assert all(made == 1600 for made in fake.made.values())
        else:
            assert min(raced.values()) == best
            assert {arm for arm in raced if raced[arm] == best} == {arm for arm in full if full[arm] == best}
            least = race.rungs([cost for cost in costs.values() if cost], 1600, 100)[0]
            assert all(cost * fake.made[arm] <= max(2 * best, least) for arm, cost in costs.items() if cost)
        for one in rows:
            on = ((solves[one.arm] == 0) | (solves[one.arm] > fake.made[one.arm])).any()
            assert one.race.stopped == (fake.made[one.arm] if on and fake.made[one.arm] < 1600 else 0)
            stopped += one.race.stopped > 0
            assert not costs[one.arm] or bool(one.race.rung) == bool(one.race.stopped)
        held(cheapest.said(rows), costs, solves, fake.made)
    assert stopped > 3


def test_the_bar_goes_on_with_every_rung_and_never_back(monkeypatch):
    """Two arms in turn, of which one ends each stage early; at the end all that is left is of the other."""
    solves = dict.fromkeys(ARMS, np.zeros(5, int)) | {"lstm": np.array([400] * 5)}
    fake = Fake(monkeypatch, dict.fromkeys(ARMS, 100), solves)
    planned = Plan({}, {piece(arm, of): Piece(10.0) for arm in ARMS for of in ("compiling", STAGE)}, 0, "")
    left, seen, rungs = Left(planned, iter(range(10**6)).__next__), [], []
    told = fake.arm

    def arm(comparison, text, arm, T, report, shards, rung=()):
        rungs.append((arm.label, rung[-1]))
        for done in range(100, rung[-1] + 1, 100):
            report(Progress("", piece(arm.label, STAGE), done / 1600, done > sum(rung[-2:-1]), in_all=True))
            if arm.label == "lstm" and done == 400:
                break
        yield from told(comparison, text, arm, T, report, shards, rung)

    def take(progress):
        left.take(progress)
        seen.append((len(rungs), left.share, sum(left.waiting.values())))

    monkeypatch.setattr(compute, "_arm", arm)
    list(compute.run(ASKED, take))
    assert [end for _, end in rungs] == [100] * 4 + [200] * 4 + [400] * 4
    shares = [share for _, share, _ in seen]
    assert shares == sorted(shares)
    ends = [max(share for rung, share, _ in seen if rung == at) for at in range(1, len(rungs) + 1)]
    assert len(set(ends)) == len(ends)
    # Every arm has made a quarter of its updates, and compiled.
    assert seen[-1][2] == pytest.approx(4 * 7.5)


def piece(arm, of):
    return f"{arm} at T = 10: {of}"


def held(text, costs, solves, made):
    """Every clause against what each arm would have done, and what it was let do."""
    seen = {arm: np.where(solves[arm] <= made[arm], solves[arm], 0) for arm in costs}
    ranked = [arm for arm in costs if costs[arm]]
    works = {arm: half(seen[arm]) * costs[arm] for arm in ranked if np.isfinite(half(seen[arm]))}
    left = text
    if works:
        least = min(works.values())
        first = [arm for arm in ranked if works.get(arm) == least]
        head = (
            f"Cheapest at T = 10: {first[0]}, "
            if len(first) == 1
            else f"Equally cheap at T = 10: {', '.join(first)}, "
        )
        assert left.startswith(head)
        whole, _, left = left.partition(". ")
        told = re.findall(r"([\d.e]+) multiply-adds \((\d+) updates\)", whole)
        assert [float(number) for number, _ in told] == pytest.approx(
            [least, *sorted(work for arm, work in works.items() if arm not in first)], rel=0.005
        )
        then = re.findall(
            r"(?:then|,) (\w+) [\d.e]+ multiply-adds \((\d+) updates\)", whole.partition("; ")[2]
        )
        assert {arm: int(updates) for arm, updates in then} == {
            arm: half(seen[arm]) for arm in works if arm not in first
        }
        # Five seeds are as many as six pairs take.
        said, _, left = left.partition("). ")
        less = re.search(r"less than that of ([^;(]+?)(?:;| \()", said)
        apart = less[1].split(", ") if less else []
        each = {a: np.where(seen[a] > 0, seen[a], np.inf) * costs[a] for a in ranked}
        pairs = list(itertools.combinations(ranked, 2))
        holds = significance.holm([significance.median_test(each[a], each[b]) for a, b in pairs])
        winner = min(first, key=ranked.index)
        wanted = [
            a for a in ranked if any({a, winner} == set(p) and h for p, h in zip(pairs, holds, strict=True))
        ]
        assert apart == wanted
        assert f"The work of {winner} is" in said
    else:
        whose = " whose work is known" if len(ranked) < len(costs) else ""
        head = f"None of the arms{whose} solves T = 10 within 1600 updates"
        assert left.startswith(head)
        left = left[len(head) :]
    for arm in costs:
        solved = int((seen[arm] > 0).sum())
        assert (f"{arm} ({solved} of 5 seeds)" in left) == (not costs[arm])
        out = made[arm] < 1600 and not np.isfinite(half(seen[arm])) and bool(costs[arm])
        assert (f"{arm} after {made[arm]} updates ({solved} of 5 seeds)" in left) == out
    assert ("and not failed" in text) == (" after " in text)


def test_a_run_is_read_as_it_was_written_and_says_who_was_stopped(monkeypatch, tmp_path):
    costs = {"none": 100, "lstm": 400, "gru": 300, "orthogonal": None}
    solves = {"none": np.zeros(5, int), "lstm": np.array([200] * 5), "gru": np.array([0, 0, 100, 0, 0])}
    Fake(monkeypatch, costs, solves | {"orthogonal": np.array([100] * 5)})
    run = collect.run(ASKED, STUDY.stored(ASKED), list(compute.run(ASKED)))
    results.write(tmp_path, run)
    rows = results.read(tmp_path).outcomes()
    assert list(map(repr, rows)) == list(map(repr, run.outcomes()))
    assert cheapest.said(rows) == (
        "Cheapest at T = 10: lstm, 8.00e4 multiply-adds (200 updates) until the first evaluation at which "
        "half of the seeds had solved it. "
        # The one seed of gru took less than those of lstm.
        "The work of lstm is less than that of none; not told apart from that of gru (Mann-Whitney test at "
        "5 % over all 3 pairs). "
        "Not ranked, for its work is not known: orthogonal (5 of 5 seeds). "
        "Stopped at rung 2 of 5, where they could not win any more, and not failed: none after 800 updates "
        "(0 of 5 seeds), gru after 200 updates (1 of 5 seeds)."
    )
    assert "stopped after 200 of 1600 updates, solved by 1 of 5 seeds by then" in sentence(rows[2])
    assert besides(rows) == {}
    text = " ".join(STUDY.table(run, 80, unicode=True, color=False).plain.split())
    assert "Cheapest at T = 10: lstm" in text
    assert "not solved within the budget" not in text
    assert STUDY.document(run)["verdict"].startswith("Cheapest at T = 10: lstm")


def test_few_seeds_and_nobody_are_said():
    none = row(
        race=Race(400, 0, 0, 3, (math.inf,) * 3), solved=share(0, 3), multiply_adds=100.0, half=math.nan
    )
    assert cheapest.said([none]) == "None of the arms solves T = 50 within 400 updates."
    one = none._replace(solved=share(1, 3), race=none.race._replace(seed_updates=(100.0, math.inf, math.inf)))
    assert cheapest.said([one]) == (
        "None of the arms solves T = 50 within 400 updates: 1 of 3 seeds of none do at the most, half of the "
        "seeds are asked for."
    )
    solved = none._replace(arm="lstm", half=100.0, race=none.race._replace(seed_updates=(100.0,) * 3))
    assert "Too few seeds to tell its work from that of others (at least 4)." in cheapest.said([none, solved])


@pytest.mark.parametrize(
    ("changed", "where"),
    [({"longest": 80, "T": (10,)}, "--target"), ({"T": (20,)}, "-T"), ({"w_rec": (1.0, 2.0)}, "--w-rec")],
)
def test_what_is_no_race_is_refused(changed, where):
    with pytest.raises(GradlabError) as caught:
        dataclasses.replace(ASKED, **changed)
    assert caught.value.where == where
    assert STUDY.stored(ASKED)["T"] == [10]


def test_a_race_is_not_shared_out():
    with pytest.raises(
        GradlabError, match="stops arms by what others have learned, so one process"
    ) as caught:
        STUDY.groups(ASKED)
    assert caught.value.where == "--target"

"""What is told before a command starts: counts, time and memory, and the time that is left."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradlab import lesson, memory, registry, runtime
from gradlab.errors import Exit, GradlabError
from gradlab.gradcheck import plan as gradcheck_plan
from gradlab.planning import compiled, costs, plan
from gradlab.planning.left import Left
from gradlab.planning.plan import Piece, Plan
from gradlab.studies.remedies import compute as remedies_compute
from gradlab.studies.remedies import plan as remedies_plan
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import plan as sweep_plan
from gradlab.studies.sweep.settings import Sweep
from tests import documents
from tests.tiers import few

SMALL = Sweep(cell=("elman",), w_rec=(0.9, 1.1), T=(50,), hidden=16, seeds=2)


def larger(**changed):
    return dataclasses.replace(SMALL, **changed)


class TestSweep:
    def test_counts_are_those_of_the_grid(self):
        counts = sweep_plan.plan(Sweep()).counts
        assert counts == {"points": 1680, "networks": 420, "programs": 4}
        probed = larger(probe=("lyapunov", "gates"))
        assert sweep_plan.plan(probed).counts["programs"] == 3

    @pytest.mark.parametrize(
        "changed",
        [
            {"T": (50, 100)},
            {"T": (5000,)},
            {"hidden": 64},
            {"w_rec": tuple(i / 100 for i in range(1, 200))},
            {"seeds": 400},
            {"batch": 16},
            {"cell": ("elman", "gru")},
            {"cell": ("lstm",)},
            {"precision": "float64"},
            {"probe": ("lyapunov",)},
            {"probe": ("error_flow",), "seeds": 40},
        ],
    )
    def test_more_of_anything_takes_longer_and_no_less_memory(self, changed):
        less, more = sweep_plan.plan(SMALL), sweep_plan.plan(larger(**changed))
        assert more.seconds > less.seconds
        assert more.bytes >= less.bytes

    def test_what_a_further_probe_measures_needs_memory(self):
        many = larger(seeds=100)
        without = sweep_plan.plan(many).bytes
        # One number for every pair of steps of 200 networks.
        pairs = 200 * 256**2 * 8
        assert sweep_plan.plan(dataclasses.replace(many, probe=("error_flow",))).bytes > without + pairs

    def test_a_cell_of_ones_own_is_planned_like_ours(self):
        own = sweep_plan.plan(larger(cell=("equinox.nn:GRUCell",)))
        assert own.seconds == pytest.approx(sweep_plan.plan(larger(cell=("gru",))).seconds, rel=0.5)

    @pytest.mark.slow
    def test_the_engine_credits_every_piece(self, tmp_path):
        from gradlab.studies.sweep import compute as sweep_compute
        from gradlab.studies.sweep import work

        sweep = larger(hidden=4, T=(4, 8))
        planned, told = sweep_plan.plan(sweep), {}
        list(
            sweep_compute.run(
                sweep, lambda progress: told.setdefault(progress.piece, []).append(progress.share)
            )
        )
        credited = {name: sum(shares) for name, shares in told.items() if name}
        assert set(credited) == set(planned.pieces) - {plan.STARTING, work.WRITING}
        assert all(share == pytest.approx(1) for share in credited.values())


class TestTrials:
    TINY = Training("adding", ("none", "lstm"), T=(8,), hidden=4, updates=20, eval_every=10, seeds=2)

    def test_seeds_that_can_tell_no_arm_from_the_plain_one_are_said_to(self):
        said = lambda **changed: remedies_plan.plan(dataclasses.replace(self.TINY, **changed)).notes
        assert said() == ("2 seeds cannot tell an arm from none: 1 pair takes 4 seeds",)
        assert said(seeds=4) == said(remedies=("none",)) == ()
        seven = ("none", *(f"clip_norm({k})" for k in range(1, 8)))
        every = "cannot tell any two arms apart: 28 pairs take 7 seeds"
        assert said(remedies=seven, seeds=5) == (
            "5 seeds cannot tell an arm from none: 7 pairs take 6 seeds",
            f"5 seeds {every}",
        )
        assert said(remedies=seven, seeds=6) == (f"6 seeds {every}",)
        assert said(remedies=seven, seeds=7) == ()
        assert said(T=(8, 9), seeds=1) == (
            "1 seed cannot tell an arm from none: 2 pairs take 5 seeds",
            "1 seed cannot tell any two rows apart: 6 pairs take 5 seeds",
        )

    def test_counts_are_those_of_what_is_trained(self):
        counts = remedies_plan.plan(self.TINY).counts
        assert counts == {"arms": 2, "networks": 2 * (2 + 3 * 2), "fitted": 0, "updates": 20}

    @pytest.mark.ends
    @pytest.mark.parametrize(
        "changed",
        [
            {"updates": 2000},
            {"T": (8, 16)},
            {"T": (400,)},
            {"hidden": 64},
            {"batch": 200},
            {"seeds": 40},
            {"remedies": ("none", "lstm", "gru")},
            {"eval_size": 5000},
        ],
    )
    def test_more_of_anything_takes_longer_and_no_less_memory(self, changed):
        less = remedies_plan.plan(self.TINY)
        more = remedies_plan.plan(dataclasses.replace(self.TINY, **changed))
        assert more.seconds > less.seconds
        assert more.bytes >= less.bytes

    @pytest.mark.slow
    def test_a_training_credits_their_pieces(self):
        one = dataclasses.replace(self.TINY, remedies=("none",), updates=10, eval_size=8)
        planned, told = remedies_plan.plan(one), {}
        list(remedies_compute.run(one, lambda progress: told.update({progress.piece: progress.share})))
        assert set(told) <= set(planned.pieces)
        assert set(told.values()) == {1.0}
        assert len(told) == 2

    def test_what_does_not_fit_is_exit_7(self, monkeypatch):
        monkeypatch.setattr(memory, "available_bytes", lambda: 2**28)
        with pytest.raises(GradlabError, match=r"remedies: needs about .*, 268 MB") as caught:
            remedies_plan.check(self.TINY, remedies_plan.plan(self.TINY))
        assert caught.value.code is Exit.RESOURCES


def test_more_checks_take_longer():
    cell = registry.make("cells", "lstm")
    planned = lambda **more: gradcheck_plan.plan(
        "lstm", cell, **{"sizes": (3, 4), "lengths": (1, 17), "scales": 1, "points": 1} | more
    )
    less = planned()
    assert less.counts["cases"] == 2
    for more in ({"sizes": (3, 16)}, {"lengths": (1, 17, 41)}, {"scales": 3}, {"points": 2}):
        assert planned(**more).seconds > less.seconds
        assert planned(**more).bytes >= less.bytes


def test_chapters_are_counted_and_take_their_time():
    every = lesson.plan(lesson.chosen(None))
    assert every.counts == {"chapters": 7}
    assert set(lesson.COSTS) == set(lesson.CHAPTERS)
    for number in range(1, 8):
        one = lesson.plan([number])
        assert one.seconds < every.seconds
        assert one.bytes < every.bytes


class TestKnownPrograms:
    @pytest.fixture(autouse=True)
    def _cache(self, monkeypatch, tmp_path):
        monkeypatch.setattr(runtime, "compile_cache", lambda: tmp_path)
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))

    def test_what_has_been_compiled_is_not_counted_again(self):
        from gradlab.studies.sweep import work

        first = sweep_plan.plan(SMALL)
        compiled.note(**work.of_program(SMALL, "elman"))
        again = sweep_plan.plan(SMALL)
        assert (first.compile_seconds > 0, again.compile_seconds) == (True, 0)
        assert again.seconds < first.seconds
        assert again.bytes < first.bytes
        # Another gain is another network of the same program; another N is another program.
        assert sweep_plan.plan(larger(w_rec=(0.8, 1.2))).compile_seconds == 0
        assert sweep_plan.plan(larger(hidden=17)).compile_seconds > 0

    def test_other_code_and_other_folders_know_nothing_of_it(self, monkeypatch, tmp_path):
        compiled.note(one=1)
        assert compiled.known(one=1)
        assert not compiled.known(one=2)
        monkeypatch.setattr("gradlab.digests.source", lambda: "another")
        assert not compiled.known(one=1)
        monkeypatch.undo()
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "somewhere else")
        assert not compiled.known(one=1)


class TestTimeLeft:
    PLAN = Plan({}, {plan.STARTING: Piece(5.0), "a": Piece(10.0), "b": Piece(30.0)}, 0, "")

    @pytest.fixture
    def clock(self):
        return [0.0]

    @pytest.fixture
    def left(self, clock):
        return Left(self.PLAN, lambda: clock[0])

    def test_at_first_it_is_what_was_planned(self, left):
        assert left.seconds() == 40
        assert left.share == 0

    def test_of_what_should_be_over_nothing_is_said(self, left, clock):
        assert left.said() == "about 40 s left"
        clock[0] = 38.9
        assert left.said() == "about 1 s left"
        for late in (39.1, 40.0, 400.0):
            clock[0] = late
            assert left.said() == ""

    def test_a_machine_at_half_the_speed_has_twice_as_long_to_go(self, left, clock):
        clock[0] = 20
        left.credit("a", 1.0, computed=True)
        assert left.seconds() == pytest.approx(60, rel=0.1)
        clock[0] = 50
        assert left.seconds() == pytest.approx(30, rel=0.2)
        left.credit("b", 0.5, computed=True)
        assert left.seconds() == pytest.approx(30, rel=0.05)
        assert left.share == pytest.approx(25 / 40)

    def test_what_was_there_before_says_nothing_of_the_speed(self, left, clock):
        left.credit("b", 1.0, computed=False)
        clock[0] = 5
        left.credit("a", 0.5, computed=True)
        assert left.seconds() == pytest.approx(5, rel=0.1)
        assert left.share == pytest.approx(0.5)

    def test_a_stage_that_goes_on_where_it_was_took_no_time_up_to_there(self, left, clock):
        left.reach("a", 0.9, computed=False)
        clock[0] = 2.0
        left.reach("a", 1.0)
        assert left.seconds() == pytest.approx(30 * 2 / 1, rel=0.5)

    def test_a_stage_that_ends_early_leaves_nothing(self, left, clock):
        clock[0] = 2.0
        left.reach("a", 0.2)
        left.reach("b", 0.0)
        assert left.seconds() == pytest.approx(30, rel=0.1)
        left.reach("b", 1.0)
        assert (left.seconds(), left.share) == (0, 1)

    def test_what_nobody_told_of_is_done_when_the_next_one_begins(self, left, clock):
        clock[0] = 10.0
        left.reach("b", 0.0)
        assert left.seconds() == pytest.approx(30)
        assert left.share == pytest.approx(10 / 40)


SIZES = {
    "small": "sweep --cell elman --hidden 4 --w-rec 0.5,1.0 -T 8,16 --seeds 2",
    "default": "sweep",
    "many points": "sweep --cell elman,gru --hidden 8 --w-rec 0.5:1.5:100 -T 50,100,200 --seeds 20",
    "long": "sweep --cell elman --w-rec 0.9 -T 100000 --seeds 1",
    "large": "sweep --cell elman,lstm --hidden 256 --w-rec 0.9,1.1 -T 50 --seeds 2",
    "sequences": "sweep --cell lstm --hidden 32 --w-rec 0.9,1.1 -T 200 --seeds 4 --batch 32",
    "probes": "sweep --cell lstm --hidden 16 --w-rec 0.5:1.5:11 -T 50 --seeds 4 --probe lyapunov,error_flow",
    "remedies": "remedies temporal_order -T 20 --hidden 16 --updates 200 --lr 0.01 -r truncate(5) -r lstm",
    "neurons": "neurons --updates 5 --lr 0.02 --scored 20000",
    "lesson": "lesson 2",
    "verify": "verify elman",
}


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Starts a command from a small process: a new one begins with the peak of the one that has started it."""


@pytest.mark.parametrize("name", few(SIZES, (), lambda name: name != "many points"))
def test_the_peak_of_memory_is_within_10_percent_below_and_50_above(name, tmp_path):
    words = SIZES[name].split()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("JAX_", "XLA_"))}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = str(Path(costs.__file__).parents[2])
    where = {"lesson": ["-o", "page.html"], "verify": []}.get(words[0], ["--name", "run"])
    command = [sys.executable, "-m", "gradlab", *words, *where]
    ways = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    told = documents.hold(subprocess.run([*command, "--dry-run", "--json"], **ways).stdout)["data"]["bytes"]
    peak = int(subprocess.run([sys.executable, "-c", PEAK, *command], **ways).stdout) * 1024
    assert 0.9 * peak <= told <= 1.5 * peak, f"{told / 1e6:.0f} MB told, {peak / 1e6:.0f} MB taken"

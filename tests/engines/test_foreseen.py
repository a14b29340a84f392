"""How long workers would take, held against closed forms and the bounds of Graham."""

import functools
import math

import pytest

from gradlab import execute
from gradlab.engines import foreseen as module
from gradlab.engines import work as engine
from gradlab.engines.share import Share
from gradlab.planning.plan import STARTING, Piece, Plan
from gradlab.studies import base
from gradlab.studies.base import Group
from gradlab.studies.neurons import study as neurons
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import work
from gradlab.studies.sweep.settings import Sweep
from gradlab.studies.sweep.study import STUDY

FREE = module.Beside(*[0.0] * len(module.BESIDE))
foreseen = functools.partial(module.foreseen, beside=FREE)
ASKED = Sweep(cell=("elman", "lstm"), T=(10, 20, 40))
TRAINED = Training("latch", T=(8, 12), remedies=("lstm",), hidden=4, updates=20)


def plan(pieces):
    made = {name: one if isinstance(one, Piece) else Piece(one) for name, one in pieces.items()}
    return Plan({"points": 1}, made, 0, "elman")


def test_one_worker_takes_what_one_process_takes_and_what_both_of_them_do():
    planned, groups = STUDY.plan(ASKED), STUDY.groups(ASKED)
    one = foreseen(groups, planned, 1)
    again = sum(piece.again for piece in planned.pieces.values())
    # Networks are drawn for each of three groups of a cell.
    each = 2 * sum(planned.pieces[work.drawing(cell)].each for cell in ASKED.cell)
    assert one.seconds == pytest.approx(planned.seconds + again + each)
    # The command draws the networks again, and writes their programs down; it measures nothing.
    doubled = {name for name, piece in planned.pieces.items() if piece.again}
    assert doubled == {name(cell) for cell in ASKED.cell for name in (work.drawing, work.compiling)}
    for cell in ASKED.cell:
        compiling = planned.pieces[work.compiling(cell)]
        assert compiling.again <= compiling.seconds - compiling.compiling


def test_what_workers_cost_is_counted_beside_the_pieces():
    planned, groups = STUDY.plan(ASKED), STUDY.groups(ASKED)
    free, whole = foreseen(groups, planned, 1), module.foreseen(groups, planned, 1)
    beside = module.BESIDE
    # The last group is the only one whose results nothing else can be done beside.
    last = beside.taking + beside.byte * planned.pieces[work.measuring("lstm", 10)].kept
    own = beside.joining + 6 * beside.group + last + beside.leaving
    assert whole.seconds == pytest.approx(free.seconds + own)
    assert whole.at_work == pytest.approx(free.at_work + 6 * beside.group)


def test_what_comes_back_is_kept_by_the_command_one_after_the_other():
    groups = [Group("elman", 1, (str(i),)) for i in range(1000)]
    planned = plan({str(i): Piece(2.0, kept=10**6) for i in range(1000)})
    slow = FREE._replace(taking=0.5, byte=1e-6)
    # All come at once, and each takes a second and a half.
    assert module.foreseen(groups, planned, 1000, slow).seconds == pytest.approx(2 + 1000 * 1.5)
    # Fewer workers than it can serve wait for nothing but the last.
    assert module.foreseen(groups, planned, 1, slow).seconds == pytest.approx(1000 * 2 + 1.5)


def test_bytes_that_come_back_are_those_that_are_kept():
    """To within what does not grow with T: heads, digests, and columns without lags."""
    asked = Sweep(cell=("elman", "lstm"), T=(200,), w_rec=(0.5, 1.0), seeds=20, hidden=2)
    planned = STUDY.plan(asked)
    for group in STUDY.groups(asked):
        back = engine.compute(asked, group, STUDY.stored(asked)).kept
        found = sum(len(content) for _, content in back)
        told = planned.pieces[work.measuring(group.label, group.T)].kept
        assert told == pytest.approx(found, rel=0.05)


@pytest.mark.parametrize("asked", [ASKED, TRAINED], ids=["sweep", "remedies"])
def test_all_that_is_compiled_is_compiled_by_the_workers_that_need_it(asked):
    study = base.of(asked)
    planned, groups = study.plan(asked), study.groups(asked)
    theirs = {piece for group in groups for piece in group.pieces}
    assert theirs <= planned.pieces.keys()
    compiling = sum(planned.pieces[piece].compiling for piece in theirs)
    assert compiling == pytest.approx(planned.compile_seconds) != 0


def test_a_share_of_a_comparison_compiles_its_own_arms_alone():
    planned = base.of(TRAINED).plan(TRAINED)
    parts = [execute.part_of(TRAINED, planned, Share(i, 2))[2] for i in (1, 2)]
    assert [one.compile_seconds < planned.compile_seconds for one in parts] == [True, True]
    assert sum(one.compile_seconds for one in parts) == pytest.approx(planned.compile_seconds)


def test_what_reads_a_cell_is_compiled_by_the_command_and_what_trains_it_by_a_worker():
    asked = Neurons(cell=("elman", "gru"), hidden=4, updates=10)
    planned, groups = neurons.STUDY.plan(asked), neurons.STUDY.groups(asked)
    theirs = {piece for group in groups for piece in group.pieces}
    assert theirs <= planned.pieces.keys()
    compiling = sum(planned.pieces[piece].compiling for piece in theirs)
    assert 0 < compiling < planned.compile_seconds


def test_with_a_worker_for_each_the_longest_decides():
    pieces = {STARTING: 2.0, "compile": 5.0, "a": 1.0, "b": 4.0, "c": 2.0, "write": 3.0}
    groups = [Group("elman", T, ("compile", name)) for T, name in ((1, "a"), (3, "b"), (2, "c"))]
    for workers in (3, 50):
        found = foreseen(groups, plan(pieces), workers)
        assert found.seconds == 2 + (5 + 4) + 3
        assert found.at_work == 3 * 5 + 1 + 4 + 2
    # The first takes b (9 s), the second c and, being free first, a: 5 + 2 + 1.
    assert foreseen(groups, plan(pieces), 2).seconds == 2 + 9 + 3


@pytest.mark.parametrize(("many", "workers"), [(12, 5), (1000, 7), (7, 7)])
def test_equal_groups_come_in_rounds(many, workers):
    groups = [Group("elman", 1, (str(i),)) for i in range(many)]
    found = foreseen(groups, plan({str(i): 2.0 for i in range(many)}), workers)
    assert found.seconds == 2 * math.ceil(many / workers)


def test_a_million_networks_on_a_thousand_workers():
    """Between what all at work, or the largest, would take, and the sum of both."""
    cells, lengths = range(20), range(1, 501)
    pieces = {f"compile {cell}": 5.0 + cell for cell in cells}
    pieces |= {f"{cell} {T}": 100 * T * (cell + 1) / 1e4 for cell in cells for T in lengths}
    groups = [Group(str(cell), T, (f"compile {cell}", f"{cell} {T}")) for cell in cells for T in lengths]
    assert 100 * len(groups) == 10**6
    found = foreseen(groups, plan(pieces), 1000)
    largest = max(sum(pieces[name] for name in group.pieces) for group in groups)
    each = found.at_work / 1000
    assert max(each, largest) <= found.seconds <= each + largest
    # One that held what another has compiled would be as quick as this, and no worker compiles a cell twice.
    least = sum(seconds for name, seconds in pieces.items() if not name.startswith("compile"))
    assert least < found.at_work <= least + 1000 * sum(5.0 + cell for cell in cells)
    assert found.said().startswith("1000 machines such as this one, a worker on each, would take about ")

"""How long workers would take, held against closed forms and the bounds of Graham."""

import functools
import math

import pytest

from gradlab.engines import foreseen as module
from gradlab.planning.plan import STARTING, Piece, Plan
from gradlab.studies.base import Group
from gradlab.studies.sweep.settings import Sweep
from gradlab.studies.sweep.study import STUDY

foreseen = functools.partial(module.foreseen, each=0.0)


def plan(pieces):
    return Plan({"points": 1}, {name: Piece(seconds) for name, seconds in pieces.items()}, 0, "elman")


def test_one_worker_takes_what_one_process_takes():
    asked = Sweep(cell=("elman", "lstm"), T=(10, 20, 40))
    planned = STUDY.plan(asked)
    one = foreseen(STUDY.groups(asked), planned, 1)
    assert one.seconds == pytest.approx(planned.seconds)


def test_each_group_takes_its_worker_some_time_beside_its_pieces():
    asked = Sweep(cell=("elman", "lstm"), T=(10, 20, 40))
    planned, groups = STUDY.plan(asked), STUDY.groups(asked)
    assert module.foreseen(groups, planned, 1).seconds == pytest.approx(planned.seconds + 6 * module.EACH)
    assert module.foreseen(groups, planned, 1).at_work == pytest.approx(
        foreseen(groups, planned, 1).at_work + 6 * module.EACH
    )


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

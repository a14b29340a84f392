"""How long workers would take for a run, from its plan: each takes the next group when it is free."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gradlab.errors import duration
from gradlab.planning.plan import STARTING, Piece, Plan
from gradlab.studies.base import Group


class Beside(NamedTuple):
    """Seconds that workers cost beside the pieces of a plan, measured on one core with Dask."""

    joining: float = 1.8
    """Until workers have started, have imported what they need and are known to the scheduler."""
    leaving: float = 0.6
    """Until they have ended."""
    group: float = 0.05
    """Of a worker for any group: it looks at its settings, and reads what is kept of it to hand that back."""
    taking: float = 0.0035
    """Of the command for any group, which it hands out and keeps, its scheduler's part included."""
    byte: float = 2.7e-9
    """Of the command for each byte of what comes back, which is kept on the disk."""


BESIDE = Beside()


class Foreseen(NamedTuple):
    """Of so many workers, each on a machine such as this one."""

    workers: int
    seconds: float
    """Until all groups are computed, and put together."""
    at_work: float
    """Seconds that workers compute, all of them together."""

    def said(self) -> str:
        """In a sentence's part."""
        share = self.at_work / (self.workers * self.seconds)
        many = f"{self.workers} machines such as this one" if self.workers > 1 else "one machine such as this"
        return (
            f"{many}, a worker on each, would take about {duration(max(1.0, self.seconds))}: "
            f"{duration(self.workers * self.seconds)} of machines, {share:.0%} of it at work"
        )


def foreseen(groups: Sequence[Group], planned: Plan, workers: int, beside: Beside = BESIDE) -> Foreseen:
    """What a plan's groups take on so many workers, the longest T first, and what workers cost `beside`.

    A piece that several groups share, such as compiling their cell, is done once by each worker that has one
    of them, but for what it takes `each` of them. The command keeps one group's results after the other,
    while workers go on. When all are there it does what belongs to no group, and what it does `again`.
    """
    pieces = planned.pieces
    shared = Counter(piece for group in groups for piece in group.pieces)
    began = pieces.get(STARTING, Piece(0.0)).seconds + beside.joining
    alone = sum(one.seconds for name, one in pieces.items() if name not in shared and name != STARTING)
    alone += sum(pieces[name].again for name in shared if name in pieces)
    ready = [(began, worker) for worker in range(min(workers, max(1, len(groups))))]
    done: list[set[str]] = [set() for _ in ready]
    at_work, ended = 0.0, []
    for group in sorted(groups, key=lambda group: -group.T):
        free, worker = heapq.heappop(ready)
        takes = beside.group + _seconds(group, pieces, done[worker])
        done[worker] |= {piece for piece in group.pieces if shared[piece] > 1}
        at_work += takes
        heapq.heappush(ready, (free + takes, worker))
        ended.append((free + takes, sum(pieces[name].kept for name in group.pieces if name in pieces)))
    taken = began
    for at, size in sorted(ended):
        taken = max(taken, at) + beside.taking + beside.byte * size
    return Foreseen(workers, taken + beside.leaving + alone, at_work)


def _seconds(group: Group, pieces: Mapping[str, Piece], done: set[str]) -> float:
    """Those of a group on a worker that has `done` some pieces before."""
    known = [name for name in group.pieces if name in pieces]
    return sum(pieces[name].each if name in done else pieces[name].seconds for name in known)

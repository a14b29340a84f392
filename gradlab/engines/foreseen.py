"""How long workers would take for a run, from its plan: each takes the next group when it is free."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gradlab.errors import duration
from gradlab.planning.plan import STARTING, Piece, Plan
from gradlab.studies.base import Group

EACH = 0.5
"""Seconds of a worker for any group: it draws the networks anew, and hands back what is kept of them."""


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


def foreseen(groups: Sequence[Group], planned: Plan, workers: int, each: float = EACH) -> Foreseen:
    """What a plan's groups take on so many workers, the longest T first, and `each` beside its pieces.

    A piece that several groups share, such as compiling their cell, is done once by each worker that has one
    of them; what belongs to no group is done by the command when all of them are there.
    """
    shared = Counter(piece for group in groups for piece in group.pieces)
    starting = planned.pieces.get(STARTING, Piece(0.0)).seconds
    alone = sum(
        one.seconds for name, one in planned.pieces.items() if name not in shared and name != STARTING
    )
    ready = [(starting, worker) for worker in range(min(workers, max(1, len(groups))))]
    done: list[set[str]] = [set() for _ in ready]
    at_work = 0.0
    for group in sorted(groups, key=lambda group: -group.T):
        free, worker = heapq.heappop(ready)
        takes = each + _seconds(group, planned.pieces, done[worker])
        done[worker] |= {piece for piece in group.pieces if shared[piece] > 1}
        at_work += takes
        heapq.heappush(ready, (free + takes, worker))
    return Foreseen(workers, max(ready)[0] + alone, at_work)


def _seconds(group: Group, pieces: Mapping[str, Piece], done: set[str]) -> float:
    return sum(pieces[name].seconds for name in group.pieces if name in pieces and name not in done)

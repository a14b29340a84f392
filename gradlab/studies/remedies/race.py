"""Arms that race for the least work: rungs of equal work, which double until an arm has solved the task.

At a rung every arm has had as many multiply-adds as the others, as far as its evaluations allow. Whoever has
not solved the task by then would take more than whoever has: it cannot win any more, and is stopped.
"""

import math
from collections.abc import Collection

RUNGS = 5
"""At the most; each has twice the work of the one before."""


def rungs(costs: Collection[int], updates: int, stride: int) -> tuple[int, ...]:
    """The work of each rung, in multiply-adds: at the last the dearest arm makes all its `updates`.

    `costs` are the multiply-adds of an update of each arm; networks are evaluated every `stride` updates, and
    at the first rung the dearest arm is so at least once.

    >>> rungs([10, 30], 800, 100)
    (3000, 6000, 12000, 24000)
    """
    whole = max(costs) * updates
    halvings = min(RUNGS - 1, int(math.log2(updates // stride)))
    return tuple(-(-whole // 2**k) for k in range(halvings, -1, -1))


def updates_of(cost: int, budget: int, updates: int, stride: int) -> int:
    """Updates of an arm at a rung: as many as its work allows, up to its evaluation before, and no more.

    >>> updates_of(10, 3000, 800, 100), updates_of(10, 24000, 800, 100), updates_of(30, 6000, 800, 100)
    (300, 800, 200)
    """
    return min(updates, budget // (cost * stride) * stride)


def over(works: Collection[float], budget: int) -> bool:
    """Whether one has solved the task by the work of a rung, so that whoever has not cannot win any more."""
    return any(work <= budget for work in works)

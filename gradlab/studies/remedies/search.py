"""The search for the largest T that an arm learns: which T is tried next, from what was learned so far.

It doubles T until one is not learned, then goes between that and the last that was. What is tried depends on
what was learned, and on nothing else.
"""

import itertools
import math
from collections.abc import Iterator, Mapping

NEAR = 1.25
"""Neighbours within this factor are near enough."""


def doublings(shortest: int, longest: int) -> tuple[int, ...]:
    """What is tried as long as all of it is learned.

    >>> doublings(10, 70)
    (10, 20, 40, 70)
    """
    found = [shortest]
    while found[-1] < longest:
        found.append(min(2 * found[-1], longest))
    return tuple(found)


def learns(solved: int, of: int) -> bool:
    """Whether half of the seeds have solved the task."""
    return 2 * solved >= of


def between(low: int, high: int) -> int:
    """The T in the middle of one that is learned and one that is not, by ratio; 0 if these are neighbours.

    >>> between(10, 20), between(10, 12), between(2, 3)
    (14, 0, 0)
    """
    if high <= NEAR * low or high - low < 2:
        return 0
    return min(max(round(math.sqrt(low * high)), low + 1), high - 1)


def following(shortest: int, longest: int, learns: Mapping[int, bool]) -> int:
    """The next T to try, where `learns` says of each that was tried whether it is learned; 0 at the end."""
    low = 0
    for high in doublings(shortest, longest):
        if high not in learns:
            return high
        if not learns[high]:
            break
        low = high
    else:
        return 0
    if not low:
        return 0
    while (middle := between(low, high)) in learns:
        low, high = (middle, high) if learns[middle] else (low, middle)
    return middle


def paths(low: int, high: int) -> Iterator[tuple[int, ...]]:
    """All that may be tried between one T that is learned and one that is not."""
    middle = between(low, high)
    if not middle:
        yield ()
        return
    for ends in ((low, middle), (middle, high)):
        for path in paths(*ends):
            yield (middle, *path)


def candidates(shortest: int, longest: int) -> tuple[int, ...]:
    """Every T that the search may come to, in order."""
    doubled = doublings(shortest, longest)
    inside = {T for ends in itertools.pairwise(doubled) for path in paths(*ends) for T in path}
    return tuple(sorted({*doubled, *inside}))


def dearest(shortest: int, longest: int) -> tuple[int, ...]:
    """Of all that the search may try, what has most steps."""
    return max(_ways(shortest, longest), key=sum)


def most(shortest: int, longest: int) -> int:
    """How many T the search tries at the most.

    >>> most(10, 160)
    7
    """
    return max(map(len, _ways(shortest, longest)))


def _ways(shortest: int, longest: int) -> Iterator[tuple[int, ...]]:
    """Every way that the search may go to its end."""
    doubled = doublings(shortest, longest)
    yield doubled
    for at, ends in enumerate(itertools.pairwise(doubled)):
        for path in paths(*ends):
            yield (*doubled[: at + 2], *path)

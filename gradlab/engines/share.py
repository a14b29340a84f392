"""Shares of a run: what each of several machines computes, from the settings alone."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from gradlab.errors import GradlabError, shown

MOST = 10_000
"""Shares of one run."""

G = TypeVar("G")


class Share(NamedTuple):
    """One of several shares, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parsed(text: str) -> Share:
    """A share as an option says it, `2/3`.

    Raises:
      GradlabError: for anything else.
    """
    found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)
    share = Share(*map(int, found.groups())) if found else None
    if share is None or not 1 <= share.number <= share.of <= MOST:
        what = f"{shown(text)} is no share; give i/n with i from 1 to n, n at most {MOST}, as 2/3"
        raise GradlabError("--shard", what)
    return share


def deal(groups: Sequence[G], sizes: Sequence[int], share: Share) -> list[G]:
    """The groups of a share: neighbours, and of the work of all about an n-th.

    A group belongs to the share in which its middle lies. Every group is in one share; with more shares than
    groups some have none.

    >>> deal("abcd", [1, 1, 1, 1], Share(2, 2)), deal("abc", [1, 1, 8], Share(1, 2))
    (['c', 'd'], ['a', 'b'])
    """
    whole, before, mine = sum(sizes), 0, []
    for group, size in zip(groups, sizes, strict=True):
        place = (2 * before + size) * share.of // (2 * whole)
        mine += [group] if place == share.number - 1 else []
        before += size
    return mine

"""A measurement that still runs, or was stopped: how many of its windows are measured."""

from collections.abc import Callable, Sequence
from typing import Any

from gradlab.runs.shards import Shards
from gradlab.studies.measure import work

MOST = 10**4
"""Windows of a measurement; a file may say anything."""


def said(shards: Shards, about: dict[str, Any], part: Callable[[Sequence[int]], Sequence[int]]) -> str:
    """How far it is, in words; of all windows, `part` gives those that are computed there."""
    settings, share = about["settings"], about.get("share", "")
    windows = range(min(settings["windows"], MOST))
    mine = part(windows)
    done = sum(shards.get(**work.key(i)) is not None for i in mine)
    whose = f"of the {len(mine)} windows of share {share}" if share else f"of {len(mine)} windows"
    end = "of all shares that are merged" if share else "of all of them"
    return f"{done} {whose} are measured, {len(mine) - done} are left; what they come to is told {end}"

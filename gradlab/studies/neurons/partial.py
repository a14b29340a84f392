"""A reading that still runs, or was stopped: how far the training of each cell is."""

from collections.abc import Callable, Sequence
from typing import Any

from gradlab.runs.shards import Arrays, Shards
from gradlab.studies.neurons import stages

NAMED = 8
"""Cells of a longer list are counted."""


def said(shards: Shards, about: dict[str, Any], part: Callable[[Sequence[str]], Sequence[str]]) -> str:
    """How far it is, in words; of all cells, `part` gives those that are trained there.

    A unit is scored once its cell is trained, and that is kept of none.
    """
    settings, share = about["settings"], about.get("share", "")
    if settings.get("weights"):
        return "the units of a given network are being scored, and nothing of that is kept before its end"
    cells = settings["cell"]
    mine = part(cells)
    far = [f"{cell}: {_far(shards, settings, cell)}" for cell in mine[:NAMED]]
    more = f"; and {len(mine) - NAMED} more" if len(mine) > NAMED else ""
    whose = f"of share {share}, which has {len(mine)} of the {len(cells)} cells, " if share else ""
    return (
        f"{whose}the networks are still being trained ({'; '.join(far)}{more}), and no unit has been scored"
    )


def _far(shards: Shards, settings: dict[str, Any], cell: str) -> str:
    """The last stage of a cell of which something is kept, and how much of it is done."""
    for stage in reversed(stages.of(settings["lr"])):
        arrays = shards.get(_fits, arm=cell, T=settings["T"], doing=stage)
        if arrays is not None:
            done, of = int(arrays["look"][0]), len(arrays["loss"])
            return "trained" if (stage, done) == (stages.TRAINING, of) else f"{stage}, {done / of:.0%}"
    return "not begun"


def _fits(arrays: Arrays) -> bool:
    """Whether these are networks in training; they may be a stranger's."""
    look, losses = arrays.get("look"), arrays.get("loss")
    if look is None or losses is None or look.shape != (1,) or losses.ndim != 1 or not len(losses):
        return False
    return bool(0 <= look[0] <= len(losses))

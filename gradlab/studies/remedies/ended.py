"""What a comparison that goes on keeps of its arms, read without jax; it may be a stranger's."""

import math

import numpy as np
from numpy.typing import NDArray

from gradlab.runs import documents, readers
from gradlab.runs.shards import Arrays, Shards
from gradlab.studies.norms import PROFILES, SIGNAL
from gradlab.studies.remedies.kept import (
    FACTS,
    PROFILE,
    SEEN,
    Begun,
    Result,
    key_of_begun,
    key_of_result,
)

LEAST = ("loss", "train_loss", "error", "changed", "cosine")
"""Evaluations that every arm has."""


def begun(shards: Shards, text: str, T: int) -> Begun | None:
    """What was known of an arm when it was begun; None if it was not, or if that is damaged."""
    arrays = shards.get(lambda arrays: _begun(arrays) is not None, **key_of_begun(text, T))
    return None if arrays is None else _begun(arrays)


def result(shards: Shards, text: str, T: int, w_rec: float, begun: Begun, seeds: int) -> Result | None:
    """What an arm came to, but for seconds and code; None if it has not ended, or if that is damaged."""

    def read(arrays: Arrays) -> Result | None:
        return _result(arrays, T, w_rec, begun, seeds)

    arrays = shards.get(lambda arrays: read(arrays) is not None, **key_of_result(text, T, w_rec))
    return None if arrays is None else read(arrays)


def updates(shards: Shards, arm: str, T: int, stage: str, most: int) -> int | None:
    """How many evaluations networks in training have behind them; None if none are kept."""

    def fits(arrays: Arrays) -> bool:
        look = arrays.get("look")
        return look is not None and look.shape == (1,) and 0 <= int(look[0]) <= most

    arrays = shards.get(fits, arm=arm, T=T, doing=stage)
    return None if arrays is None else int(arrays["look"][0])


def _begun(arrays: Arrays) -> Begun | None:
    """A shard may be a stranger's: what does not fit is as if it were not there."""
    try:
        facts = documents.record(
            arrays[FACTS].tobytes(), arm=str, cell=str, hidden=int, parameters=int, costs=dict
        )
        solved, chance = (float(facts[name]) for name in ("solved", "chance"))
        costs = {str(name): int(count) for name, count in facts["costs"].items()}
        arm, cell = (readers.label(facts[name]) for name in ("arm", "cell"))
    except (ValueError, KeyError, TypeError):
        return None
    if facts["hidden"] < 1 or facts["parameters"] < 0 or min(costs.values(), default=0) < 0:
        return None
    return Begun(arm, cell, facts["hidden"], facts["parameters"], costs, solved, chance)


def _result(arrays: Arrays, T: int, w_rec: float, begun: Begun, seeds: int) -> Result | None:
    try:
        facts = documents.record(arrays[FACTS].tobytes(), broken_what=list)
        rate = math.nan if facts["rate"] is None else float(facts["rate"])
        what = tuple(readers.word(str(word)) for word in facts["broken_what"])
        moments, solved, broken = (arrays[name] for name in ("updates", "solved_at", "broken_at"))
        seen = _named(arrays, SEEN, (len(moments), seeds))
        profiles = _named(arrays, PROFILE, (seeds, 2, T + 1))
    except (ValueError, KeyError, TypeError):
        return None
    whole = {array.dtype.str for array in (moments, solved, broken)} == {"<i8"} and moments.ndim == 1
    each = {solved.shape, broken.shape, (len(what),)} == {(seeds,)}
    measured = {*PROFILES} <= profiles.keys() <= {*PROFILES, *SIGNAL}
    if not whole or not each or not {*LEAST} <= seen.keys() or not measured:
        return None
    head = (begun.arm, begun.cell, T, w_rec, begun.hidden, begun.parameters, rate)
    return Result(*head, moments, seen, solved, broken, what, profiles, 0.0, {}, begun.costs)


def _named(arrays: Arrays, head: str, shape: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    """The arrays whose names begin so; ValueError for one of another kind or shape."""
    found = {
        readers.name(name.removeprefix(head)): array
        for name, array in arrays.items()
        if name.startswith(head)
    }
    if any(array.dtype.str != "<f8" or array.shape != shape for array in found.values()):
        raise ValueError(f"an array of {head.strip()} has another shape")
    return found

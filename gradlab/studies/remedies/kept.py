"""What an arm came to, kept as soon as it is there, for whoever looks at a run that goes on (`ended`)."""

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.runs.shards import Shards

if TYPE_CHECKING:
    from gradlab import digests

FACTS = "facts"
"""The array that holds a document."""
SEEN = "evaluation "
PROFILE = "profile "
"""What the names of other arrays begin with."""


class Result(NamedTuple):
    """One arm at one w_rec, over its test seeds; `evaluations` have the axes (evaluation, seed)."""

    arm: str
    cell: str
    T: int
    w_rec: float
    hidden: int
    parameters: int
    rate: float
    """NaN for a readout fitted in closed form."""
    updates: NDArray[np.int64]
    evaluations: dict[str, NDArray[np.float64]]
    """NaN after a network has ended."""
    solved_at: NDArray[np.int64]
    """The update by which the task was solved, 0 if never."""
    broken_at: NDArray[np.int64]
    broken_what: tuple[str, ...]
    profiles: dict[str, NDArray[np.float64]]
    """log10 by (seed, start or end, lag); -inf for an exact zero, NaN where undefined."""
    seconds: float
    code: "digests.Code"
    """What was computed: the digests of the arm's cell and of what trained it."""
    costs: dict[str, int]
    """Numbers that are trained and those that are not, multiply-adds of an update."""


class Begun(NamedTuple):
    """What is known of an arm at one T as soon as it is begun."""

    arm: str
    """As its results are called."""
    cell: str
    hidden: int
    parameters: int
    costs: dict[str, int]
    solved: float
    """The error at which the task counts as solved."""
    chance: float
    """The loss of a guess."""


def key_of_begun(text: str, T: int) -> dict[str, Any]:
    """Under what it is kept that an arm was begun, by the arm as settings name it."""
    return {"begun": text, "T": T}


def key_of_result(text: str, T: int, w_rec: float) -> dict[str, Any]:
    """Under what a result is kept."""
    return {"result": text, "T": T, "w_rec": w_rec}


def keep_begun(shards: Shards, text: str, T: int, begun: Begun) -> None:
    """Keep that an arm was begun."""
    shards.put({FACTS: _packed(begun._asdict())}, **key_of_begun(text, T))


def keep_result(shards: Shards, text: str, found: Result, code: dict[str, NDArray[Any]]) -> None:
    """Keep what an arm came to at one w_rec, and its code, packed; equal results give equal bytes."""
    rate = None if math.isnan(found.rate) else found.rate
    arrays: dict[str, NDArray[Any]] = {FACTS: _packed({"rate": rate, "broken_what": list(found.broken_what)})}
    arrays |= {"updates": found.updates, "solved_at": found.solved_at, "broken_at": found.broken_at}
    arrays |= {f"{SEEN}{name}": values for name, values in found.evaluations.items()}
    arrays |= {f"{PROFILE}{name}": values for name, values in found.profiles.items()}
    shards.put(arrays | code, **key_of_result(text, found.T, found.w_rec))


def _packed(facts: dict[str, Any]) -> NDArray[np.int8]:
    return np.frombuffer(json.dumps(facts, sort_keys=True).encode(), np.int8)

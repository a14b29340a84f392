"""A comparison that still runs, or was stopped: what has ended of it, and how far the rest is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gradlab.runs.shards import Shards
from gradlab.studies.remedies import ended as reading
from gradlab.studies.remedies import stages
from gradlab.studies.remedies.kept import Begun, Result
from gradlab.studies.remedies.results import TrainingRun, curves, profiles, table
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.sentences import sentence, sentences
from gradlab.studies.remedies.separation import verdict
from gradlab.studies.remedies.settings import place

NAMED = 8
"""Trainings of a longer list are counted."""
ABOUT = "partial"
"""Where the facts of a run that is not finished have a `Rest`."""


class Rest(NamedTuple):
    """How far a comparison is; a training is that of an arm at one T and w_rec."""

    ended: int
    of: int
    """Of a share, its own."""
    all: int
    share: str
    """`1/2`; empty for a run that is not shared."""
    coming: tuple[str, ...]
    """What has not ended, each in a few words."""

    def said(self) -> str:
        """In sentences."""
        what = f"{self.of} trainings (an arm at one T and w_rec)"
        if not self.share:
            return f"Not finished: {self.ended} of {what} have ended. Arms are compared when all have."
        rest = f" of the {self.all} of the whole comparison" * (self.all != self.of)
        said = f"Share {self.share}: {self.ended} of its {what}{rest} have ended"
        return f"{said}. Arms are compared when all shares are merged."

    def to_come(self) -> str:
        """What has not ended, in a sentence; empty if all of it has."""
        more = f"; and {len(self.coming) - NAMED} more" if len(self.coming) > NAMED else ""
        return f"To come: {'; '.join(self.coming[:NAMED])}{more}." if self.coming else ""


def read(
    shards: Shards, about: dict[str, Any], mine: Sequence[tuple[str, int]]
) -> tuple[TrainingRun | None, Rest]:
    """The run of what has ended of a comparison, None if nothing has, and how far it is.

    Args:
      shards: What its folder keeps.
      about: Settings, versions and share of what was begun there.
      mine: The arms, as settings name them, and the T that are computed there.
    """
    settings = about["settings"]
    gains = settings["w_rec"]
    ended: list[Result] = []
    coming: list[str] = []
    called: dict[str, str] = {}
    levels: dict[str, Any] = {"chance": {}, "costs": {}}
    for text, T in mine:
        begun = reading.begun(shards, text, T)
        if begun is not None and called.setdefault(begun.arm, text) != text:
            # No run has two arms of one name.
            begun = None
        found = {}
        if begun is not None:
            read = (reading.result(shards, text, T, w_rec, begun, settings["seeds"]) for w_rec in gains)
            found = {one.w_rec: one for one in read if one is not None}
            levels["solved"] = begun.solved
            levels["chance"][str(T)] = begun.chance
            levels["costs"][place(begun.arm, T)] = begun.costs
        ended += found.values()
        for w_rec in (w_rec for w_rec in gains if w_rec not in found):
            far = "not begun" if begun is None else _far(shards, settings, begun, T, w_rec, tuned=bool(found))
            name = text if begun is None else begun.arm
            at = f", w_rec = {w_rec:g}" * (len(gains) > 1)
            coming.append(f"{name} at T = {T}{at}: {far}")
    of, every = (len(some) * len(gains) for some in (mine, settings["remedies"]))
    rest = Rest(len(ended), of, every * len(settings["T"]), about.get("share", ""), tuple(coming))
    if not ended:
        return None, rest
    told = {"command": "remedies", "status": "running", "points": rest.all * settings["seeds"], "failed": 0}
    told |= levels | {ABOUT: rest}
    return TrainingRun(about | told, table(ended), curves(ended), profiles(ended)), rest


def _far(shards: Shards, settings: dict[str, Any], begun: Begun, T: int, w_rec: float, *, tuned: bool) -> str:
    """How far a training is that has begun and not ended; `tuned` if its learning rate is chosen."""
    stride = min(settings["eval_every"], settings["updates"])
    rounds = settings["updates"] // stride

    def behind(stage: str) -> str:
        done = reading.updates(shards, begun.arm, T, stage, rounds)
        return "" if done is None else f"{stride * done} of at most {settings['updates']} updates"

    if said := behind(stages.training(w_rec)):
        return said
    if not tuned:
        for stage in reversed(stages.tuning(settings["lr"], widen=settings.get("widen", False))):
            if said := behind(stage):
                beyond = "" if stage == stages.TUNING else ", beyond those given"
                return f"choosing its learning rate{beyond}, {said}"
    return "begun" if not tuned else "not begun"


def rest(run: TrainingRun) -> Rest | None:
    """How far a run is; None if it is finished."""
    found = run.about.get(ABOUT)
    return found if isinstance(found, Rest) else None


def sentences_of(run: TrainingRun, rows: Sequence[ArmRow]) -> list[str]:
    """A sentence for each row; of a run that is not finished none sets an arm beside another."""
    return sentences(rows) if rest(run) is None else [sentence(row) for row in rows]


def told(run: TrainingRun, rows: Sequence[ArmRow]) -> list[tuple[ArmRow, str]]:
    """Rows and their sentences; those of a search, which has tried T in another order, by T."""
    pairs = list(zip(rows, sentences_of(run, rows), strict=True))
    arms = list(dict.fromkeys(row.arm for row in rows))
    return sorted(pairs, key=lambda pair: (arms.index(pair[0].arm), pair[0].T)) if rows[0].most else pairs


def verdict_of(run: TrainingRun, rows: Sequence[ArmRow]) -> str:
    """What all rows say together; of a run that is not finished how far it is, and nothing of its arms."""
    left = rest(run)
    return verdict(rows) if left is None else " ".join(filter(None, (left.said(), left.to_come())))

"""Whether a comparison tells any arm from the plain one, place by place, and what to change where none is."""

import math
from collections.abc import Sequence

from gradlab.profiles import SOFT
from gradlab.significance import least_seeds
from gradlab.studies.remedies import learned
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.sentences import PERCENT, PLAIN, besides, judged

Place = tuple[int, float]
"""(T, w_rec)."""
MOST = 4
"""Places that are spoken of one by one, and fit beside each other."""
LEVEL = 0.1
"""Decades below which a transport goes nowhere, and no T is long enough for it."""
ROOM = 1.2
"""A T that is advised is longer than a steady transport would need by this factor."""


def verdict(rows: Sequence[ArmRow]) -> str:
    """What all rows say together: first whether anything separates the arms, and where, and up to which T."""
    return " ".join(filter(None, (nothing_apart(rows), *of_places(rows), learned.said(rows), judged(rows))))


def told_from_plain(rows: Sequence[ArmRow]) -> dict[tuple[str, int, float], bool]:
    """Rows that are told from the plain arm of their place, and whether they are better than it.

    Better: more seeds solved it, or, where nobody did, the loss is less.
    """
    found = {(row.arm, row.T, row.w_rec): row for row in rows}
    return {at: _better(found[at], beside.plain) for at, beside in besides(rows).items() if beside.apart}


def _better(row: ArmRow, plain: ArmRow) -> bool:
    own, other = (one.solved.successes * two.solved.of for one, two in ((row, plain), (plain, row)))
    return own > other if own != other else row.loss < plain.loss


def nothing_apart(rows: Sequence[ArmRow]) -> str:
    """Where no arm is told from the plain one: that, and what to change; else empty."""
    plain, found = [row for row in rows if row.arm == PLAIN], besides(rows)
    if not found or any(beside.apart for beside in found.values()):
        return ""
    which = "the other arm" if len(found) == len(plain) else "any other arm"
    least = least_seeds(len(found))
    if min(row.solved.of for row in rows) < least:
        among = f" for {len(found)} pairs" if len(found) > 1 else ""
        return f"Too few seeds to tell the plain arm from {which} (at least {least}{among})."
    said = f"Nothing tells the plain arm from {which} at {PERCENT}"
    return f"{said}: {'; '.join(_why(row, several=len(plain) > 1) for row in plain)}."


def _why(row: ArmRow, *, several: bool) -> str:
    """What the plain arm's transport was at the start, and settings at which it would be another."""
    where = f"T = {row.T}" + (f", w_rec = {row.w_rec:g}" if several else "")
    if math.isnan(row.kept):
        return f"at {where} the plain arm has no transport that is finite"
    kept = f"the transport {keeps(row.kept)}"
    if abs(row.kept) < SOFT:
        what = "vanishes" if row.kept <= 0 else "explodes"
        steady = abs(row.kept) > LEVEL
        other = f"-T {longer(row.kept, row.T, SOFT)}" if steady else "another --w-rec"
        return f"nothing {what} at {where}, {kept}; try {other}"
    if row.solved.successes == row.solved.of:
        return f"at {where} {kept}, and the plain arm solves the task all the same; try a larger T"
    return f"at {where} {kept}; more --updates or --seeds may tell"


def longer(log: float, T: int, far: float) -> int:
    """A T at which a transport that is 10^log over T steps would have gone `far` decades, if it is steady."""
    return math.ceil(ROOM * T * far / abs(log) / 10) * 10


def keeps(log: float) -> str:
    """What a transport does over all steps, as a verb and a power of ten."""
    if math.isinf(log):
        return "is exactly 0" if log < 0 else "is no finite number"
    return f"keeps 10^{log:+.1f}" if log <= 0 else f"grows to 10^{log:+.1f}"


def kind(log: float) -> str:
    """What a start is called whose transport over all steps has that log10."""
    if math.isnan(log) or abs(log) < SOFT:
        return ""
    return "vanishing" if log < 0 else "exploding"


def of_places(rows: Sequence[ArmRow]) -> list[str]:
    """For each of several places: whether the plain arm failed there, and which arms are better or worse."""
    plain = {(row.T, row.w_rec): row for row in rows if row.arm == PLAIN}
    compared = besides(rows)
    if not 1 < len(plain) <= MOST or not compared:
        return []
    if min(row.solved.of for row in rows) < least_seeds(len(compared)):
        return []
    told = told_from_plain(rows)
    lengths = {T for T, _ in plain}
    found = []
    for (T, w_rec), row in plain.items():
        name = kind(row.kept)
        where = f"w_rec = {w_rec:g}" if len(lengths) == 1 else f"T = {T}, w_rec = {w_rec:g}"
        sides = {
            side: [arm for (arm, *at), better in told.items() if tuple(at) == (T, w_rec) and better is side]
            for side in (True, False)
        }
        head = f"{name[:1].upper()}{name[1:]}, {where}" if name else where
        found.append(f"{head}: {_failed(row)}; {_sides(sides[True], sides[False])}.")
    return found


def _failed(row: ArmRow) -> str:
    """Whether there was anything for a remedy to do."""
    solved, of = row.solved[:2]
    if solved == of:
        return f"the plain arm does not fail, all {of} seeds solve the task, so no remedy can do better here"
    return f"the plain arm fails{' in part' * (solved > 0)}, {solved} of {of} seeds solve the task"


def _sides(better: Sequence[str], worse: Sequence[str]) -> str:
    if not better and not worse:
        return f"no arm is told from it at {PERCENT}"
    parts = [f"better: {', '.join(better)}"] if better else ["no arm is better"]
    return "; ".join([*parts, f"worse: {', '.join(worse)}"] if worse else parts)

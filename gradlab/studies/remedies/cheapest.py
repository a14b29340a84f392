"""Which arm solves a task with the least work, of arms that raced: who won, who was stopped, who failed."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from gradlab.escaping import plain
from gradlab.significance import RANKS, holm, least_seeds, median_test
from gradlab.stats import WRONG
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.spent import work
from gradlab.studies.remedies.unequal import count


def said(rows: Sequence[ArmRow]) -> str:
    """The answer, how sure it is, then who was stopped; the rows are of one T, all with a `race`.

    Work is that of the updates up to the first evaluation at which half of the seeds had solved the task. Two
    arms are told apart by the work of their seeds, that of a seed which did not solve it the greatest; all
    pairs may err in 5 % (Holm).
    """
    ranked = [row for row in rows if row.multiply_adds > 0]
    solved = sorted((row for row in ranked if not math.isnan(row.half)), key=work)
    return " ".join(
        filter(None, (_answer(solved, rows), _sure(solved, ranked), _others(rows), _stopped(rows)))
    )


def _answer(solved: Sequence[ArmRow], rows: Sequence[ArmRow]) -> str:
    if not solved:
        budget = rows[0].race.budget if rows[0].race is not None else 0
        whose = "" if all(row.multiply_adds > 0 for row in rows) else " whose work is known"
        best = max(rows, key=lambda row: row.solved.successes / max(row.solved.of, 1))
        few = f"{best.solved.successes} of {best.solved.of} seeds of {plain(best.arm)} do at the most"
        least = "half of the seeds are asked for" if not whose else ""
        more = f": {few}, {least}" if least and best.solved.successes else ""
        return f"None of the arms{whose} solves T = {rows[0].T} within {budget} updates{more}."
    first = [row for row in solved if work(row) == work(solved[0])]
    rest = [f"{plain(row.arm)} {_took(row)}" for row in solved if row not in first]
    who = f"Cheapest at T = {solved[0].T}: {plain(first[0].arm)}"
    if len(first) > 1:
        who = f"Equally cheap at T = {solved[0].T}: {', '.join(plain(row.arm) for row in first)}"
    then = f"; then {', '.join(rest)}" if rest else ""
    seen = "until the first evaluation at which half of the seeds had solved it"
    return f"{who}, {_took(first[0])} {seen}{then}."


def _took(row: ArmRow) -> str:
    return f"{count(work(row))} multiply-adds ({row.half:.0f} updates)"


def _sure(solved: Sequence[ArmRow], ranked: Sequence[ArmRow]) -> str:
    """From which other arms the first is told apart by the work of their seeds."""
    if not solved or len(ranked) < 2:
        return ""
    first, pairs = solved[0], list(itertools.combinations(ranked, 2))
    others = [row for row in ranked if row is not first]
    least = least_seeds(len(pairs))
    if min(row.solved.of for row in ranked) < least:
        among = f" for {len(pairs)} pairs" if len(pairs) > 1 else ""
        return f"Too few seeds to tell its work from that of others (at least {least}{among})."
    holds = holm([median_test(_works(one), _works(two)) for one, two in pairs])
    told = [pair for pair, apart in zip(pairs, holds, strict=True) if apart]
    apart = [row for row in others if any(first in pair and row in pair for pair in told)]
    left = [row for row in others if row not in apart]
    parts = [
        f"{what} {', '.join(plain(row.arm) for row in some)}"
        for what, some in (("less than that of", apart), ("not told apart from that of", left))
        if some
    ]
    over = f" over all {len(pairs)} pairs" if len(pairs) > 1 else ""
    return f"The work of {plain(first.arm)} is {'; '.join(parts)} ({RANKS} at {100 * WRONG:.0f} %{over})."


def _works(row: ArmRow) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    each = () if row.race is None else row.race.seed_updates
    return np.array(each, np.float64) * row.multiply_adds


def _others(rows: Sequence[ArmRow]) -> str:
    """Arms that have no work to be ranked by."""
    some = [
        f"{plain(r.arm)} ({r.solved.successes} of {r.solved.of} seeds)"
        for r in rows
        if not r.multiply_adds > 0
    ]
    return f"Not ranked, for its work is not known: {', '.join(some)}." if some else ""


def _stopped(rows: Sequence[ArmRow]) -> str:
    """Who was stopped, at which rung: these have not failed."""
    parts = [
        f"{plain(row.arm)} after {row.race.stopped} updates ({row.solved.successes} of {row.solved.of} seeds)"
        for row in rows
        if row.race is not None and row.race.stopped and math.isnan(row.half)
    ]
    rungs = {(row.race.rung, row.race.rungs) for row in rows if row.race is not None and row.race.rung}
    if not parts:
        return ""
    rung, of = max(rungs, default=(0, 0))
    where = f" at rung {rung} of {of}" if rung else ""
    return f"Stopped{where}, where they could not win any more, and not failed: {', '.join(parts)}."

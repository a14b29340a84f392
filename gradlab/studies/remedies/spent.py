"""What it took each arm to solve the task: updates, and the multiply-adds that these are."""

import math
from collections.abc import Sequence

from gradlab.escaping import plain
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.unequal import count

MOST = 4
"""Places that are spoken of one by one."""


def work(row: ArmRow) -> float:
    """Multiply-adds of the updates by which half of the seeds had solved it; NaN where they are not known."""
    return row.half * row.multiply_adds


def said(rows: Sequence[ArmRow]) -> str:
    """Of several arms, the work of each at each place, least first; empty of a race, or if none is known."""
    places = list(dict.fromkeys((row.T, row.w_rec) for row in rows))
    if len({row.arm for row in rows}) < 2 or len(places) > MOST or rows[0].race is not None:
        return ""
    parts = []
    for T, w_rec in places:
        here = [row for row in rows if (row.T, row.w_rec) == (T, w_rec)]
        known = sorted((row for row in here if not math.isnan(work(row))), key=work)
        each = ", ".join(f"{plain(row.arm)} {count(work(row))} ({row.half:.0f} updates)" for row in known)
        if each:
            where = [f"T = {T}"] * (len({T for T, _ in places}) > 1)
            where += [f"w_rec = {w_rec:g}"] * (len({w for _, w in places}) > 1)
            parts.append(f"{', '.join(where)}: {each}" if where else each)
    if not parts:
        return ""
    return f"Multiply-adds until half of the seeds had solved it: {'; '.join(parts)}."

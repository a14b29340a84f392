"""What was not equal between the arms of a comparison: stands in the head of its table."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gradlab.escaping import plain
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.settings import edges

NEAR = 1.1
"""Parameters within this factor count as equal: N is a whole number."""


def said(settings: dict[str, Any], rows: Sequence[ArmRow]) -> str:
    """A few lines for several arms, empty for one: parameters, closed forms, rates at an edge, costs."""
    if len({row.arm for row in rows}) < 2:
        return ""
    counts = [row.parameters for row in rows]
    parts = []
    if max(counts) > NEAR * min(counts):
        parts.append(f"the arms have {min(counts)} to {max(counts)} parameters")
    if fitted := [row for row in rows if row.closed_form]:
        what = (
            "makes no update: its readout is fitted at once to as many sequences, and weights that are not "
            "trained count as parameters"
        )
        parts.append(f"{_arms(fitted)} {what}{_untrained(fitted)}")
    rates, widen = settings["lr"], settings.get("widen", False)
    if len(rates) > 1 and (edge := _arms(row for row in rows if row.lr in edges(rates, widen=widen))):
        parts.append(
            f"the rate is the least or the largest of those tried, a better one may lie beyond: {edge}"
        )
    found = f"Not equal: {'; '.join(parts)}. " if parts else ""
    return f"{found}{_of_updates([row for row in rows if not row.closed_form])}".rstrip()


def _untrained(rows: Iterable[ArmRow]) -> str:
    """How many of the parameters are not trained, and how many are."""
    known = {row.arm: row for row in rows if not math.isnan(row.untrained)}
    each = [
        f"{plain(arm)} {row.untrained:.0f}, trained {row.parameters - row.untrained:.0f}"
        for arm, row in known.items()
    ]
    return f" ({'; '.join(each)})" if each else ""


def _of_updates(rows: Sequence[ArmRow]) -> str:
    """Multiply-adds of an update by arm, at each T."""
    missing = [row for row in rows if math.isnan(row.multiply_adds)]
    which = "each arm" if len(missing) == len(rows) else _arms(missing)
    unknown = f" Not measured: what an update of {which} costs." if missing else ""
    places = []
    there = dict.fromkeys(row.T for row in rows)
    # A search has each arm's T in the order tried.
    for T in sorted(there) if rows[0].most else there:
        known = {row.arm: row.multiply_adds for row in rows if row.T == T and row not in missing}
        if known:
            each = ", ".join(f"{plain(arm)} {count(number)}" for arm, number in known.items())
            places.append(f"at T = {T} {each}")
    told = f"Multiply-adds of an update, in products of matrices: {'; '.join(places)}." if places else ""
    return f"{told}{unknown}".strip()


def count(number: float) -> str:
    """A large number of operations in three digits."""
    return f"{number:.0f}" if number < 1e4 else f"{number:.2e}".replace("e+0", "e").replace("e+", "e")


def _arms(rows: Iterable[ArmRow]) -> str:
    return ", ".join(dict.fromkeys(plain(row.arm) for row in rows))

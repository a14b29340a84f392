"""What was not equal between the arms of a comparison: stands in the head of its table."""

from collections.abc import Iterable, Sequence
from typing import Any

from gradlab.escaping import plain
from gradlab.studies.remedies.rows import ArmRow

NEAR = 1.1
"""Parameters within this factor count as equal: N is a whole number."""


def said(about: dict[str, Any], rows: Sequence[ArmRow]) -> str:
    """A few lines for several arms, empty for one: parameters, closed forms, rates at an edge, costs.

    `about` is what `run.json` says.
    """
    if len({row.arm for row in rows}) < 2:
        return ""
    counts = [row.parameters for row in rows]
    parts = []
    if max(counts) > NEAR * min(counts):
        parts.append(f"the arms have {min(counts)} to {max(counts)} parameters")
    costs = about.get("costs", {})
    if fitted := _arms(row for row in rows if row.closed_form):
        what = (
            "makes no update: its readout is fitted at once to as many sequences, and weights that are not "
            "trained count as parameters"
        )
        parts.append(f"{fitted} {what}{_untrained(costs, rows)}")
    rates = about["settings"]["lr"]
    if len(rates) > 1 and (edge := _arms(row for row in rows if row.lr in (min(rates), max(rates)))):
        parts.append(
            f"the rate is the least or the largest of those tried, a better one may lie beyond: {edge}"
        )
    found = f"Not equal: {'; '.join(parts)}. " if parts else ""
    return f"{found}{_of_updates(costs, rows)}"


def _untrained(costs: dict[str, dict[str, int]], rows: Sequence[ArmRow]) -> str:
    known = {row.arm: _of(costs, row) for row in rows if row.closed_form and _of(costs, row)}
    each = [f"{plain(arm)} {cost['untrained']}, trained {cost['trained']}" for arm, cost in known.items()]
    return f" ({'; '.join(each)})" if each else ""


def _of_updates(costs: dict[str, dict[str, int]], rows: Sequence[ArmRow]) -> str:
    """Multiply-adds of an update by arm, at each T."""
    learn = [row for row in rows if not row.closed_form]
    missing = [row for row in learn if "multiply_adds" not in _of(costs, row)]
    unknown = (
        f"Not measured: what an update of {'each arm' if len(missing) == len(learn) else _arms(missing)}"
    )
    if len(missing) == len(learn):
        return f"{unknown} costs."
    places = []
    for T in dict.fromkeys(row.T for row in learn):
        at = {row.arm: _of(costs, row).get("multiply_adds") for row in learn if row.T == T}
        each = ", ".join(f"{plain(arm)} {number}" for arm, number in at.items() if number is not None)
        if each:
            places.append(f"at T = {T} {each}")
    told = f"Multiply-adds of an update, in products of matrices: {'; '.join(places)}."
    return f"{told} {unknown} costs." if missing else told


def _of(costs: dict[str, dict[str, int]], row: ArmRow) -> dict[str, int]:
    return costs.get(f"{row.arm} at T = {row.T}", {})


def _arms(rows: Iterable[ArmRow]) -> str:
    return ", ".join(dict.fromkeys(plain(row.arm) for row in rows))

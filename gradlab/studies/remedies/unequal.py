"""What was not equal between the arms of a comparison: stands in the head of its table."""

from collections.abc import Iterable, Sequence
from typing import Any

from gradlab.escaping import plain
from gradlab.studies.remedies.rows import ArmRow

NEAR = 1.1
"""Parameters within this factor count as equal: N is a whole number."""


def said(settings: dict[str, Any], rows: Sequence[ArmRow]) -> str:
    """A line for several arms, empty for one: parameters, closed forms, rates at an edge."""
    if len({row.arm for row in rows}) < 2:
        return ""
    counts = [row.parameters for row in rows]
    parts = []
    if max(counts) > NEAR * min(counts):
        parts.append(f"the arms have {min(counts)} to {max(counts)} parameters")
    if fitted := _arms(row for row in rows if row.closed_form):
        what = (
            "makes no update: its readout is fitted at once to as many sequences, and weights that are not "
            "trained count as parameters"
        )
        parts.append(f"{fitted} {what}")
    rates = settings["lr"]
    if len(rates) > 1 and (edge := _arms(row for row in rows if row.lr in (min(rates), max(rates)))):
        parts.append(
            f"the rate is the least or the largest of those tried, a better one may lie beyond: {edge}"
        )
    found = f"Not equal: {'; '.join(parts)}. " if parts else ""
    return f"{found}Not measured: what an update of each arm costs."


def _arms(rows: Iterable[ArmRow]) -> str:
    return ", ".join(dict.fromkeys(plain(row.arm) for row in rows))

"""What was looked at and what came of it, in one form for claims and baselines alike."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from gradlab.errors import Exit

Status = Literal["passed", "failed", "cannot judge", "note"]

_WORDS: tuple[tuple[Status, str, str], ...] = (
    ("passed", "passed", "passed"),
    ("failed", "failed", "failed"),
    ("cannot judge", "cannot be judged", "cannot be judged"),
    ("note", "note", "notes"),
)


class Finding(NamedTuple):
    """One thing that was looked at, and what came of it."""

    id: str
    """The same from run to run: what was asked, of what."""
    text: str
    """What is claimed."""
    status: Status
    metric: str
    where: dict[str, Any]
    """The point of the grid: cell, init, w_rec, T and part, as far as they apply."""
    measured: float | None
    """None where there is no finite number; the sentence then says why."""
    wanted: str
    """What the claim allows, in numbers."""
    sentence: str
    """What came, what was allowed, and why that is the verdict."""


def of_claim(found: Any) -> Finding:
    """The finding about a claim of an experiment (`gradlab.findings.Judged`) in this form."""
    known = found.measured if found.measured is not None and math.isfinite(found.measured) else None
    head = (f"claim: {found.text}", found.text, found.status, found.metric, dict(found.where))
    return Finding(*head, known, found.wanted, found.sentence)


def exit_code(findings: Iterable[Finding]) -> Exit:
    """What the findings come to: a failure is 1; something that cannot be judged, or nothing passed, is 4.

    >>> exit_code([]).value
    4
    """
    said = {finding.status for finding in findings}
    if "failed" in said:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if "cannot judge" in said or "passed" not in said else Exit.OK


def place(where: Mapping[str, Any]) -> str:
    """A point of the grid in one line.

    >>> place({"cell": "lstm", "w_rec": 0.5, "T": 20})
    'cell=lstm w_rec=0.5 T=20'
    """
    return " ".join(
        f"{key}={value!r}" if isinstance(value, float) else f"{key}={value}" for key, value in where.items()
    )


def count(findings: Iterable[Finding]) -> str:
    """How many there are of each status, in one line, such as `82 passed, 1 failed, 42 notes`."""
    found = [finding.status for finding in findings]
    parts = []
    for status, one, many in _WORDS:
        if number := found.count(status):
            parts.append(f"{number} {one if number == 1 else many}")
    return ", ".join(parts) or "nothing to compare"


def document(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The findings as plain JSON values; a number that is not finite is null."""
    rows = [finding._asdict() for finding in findings]
    for row in rows:
        if row["measured"] is not None and not math.isfinite(row["measured"]):
            row["measured"] = None
    return rows

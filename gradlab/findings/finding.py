"""What was looked at and what came of it, in one form for claims and baselines alike."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from gradlab import schemas
from gradlab.errors import Exit

Status = Literal["passed", "failed", "inconclusive", "note"]

WORST: tuple[Status, ...] = ("failed", "inconclusive", "passed", "note")

_WORDS: tuple[tuple[Status, str, str], ...] = (
    ("passed", "passed", "passed"),
    ("failed", "failed", "failed"),
    ("inconclusive", "inconclusive", "inconclusive"),
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
    low: float | None = None
    """The ends of the interval, and the level that it attains; None where there is none."""
    high: float | None = None
    level: float | None = None
    seeds: int | None = None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Failures first, then what is inconclusive, what passed, and notes."""
    return sorted(findings, key=lambda finding: WORST.index(finding.status))


def exit_code(findings: Iterable[Finding]) -> Exit:
    """What the findings come to: a failure is 1; something inconclusive, or nothing passed, is 4.

    >>> exit_code([]).value
    4
    """
    said = {finding.status for finding in findings}
    if "failed" in said:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if "inconclusive" in said or "passed" not in said else Exit.OK


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


def document(
    question: str, findings: Iterable[Finding], mixed: str = "", forecast: Any = None
) -> dict[str, Any]:
    """The findings as one JSON document: numbers are finite or null, and `sentence` says which.

    `mixed` says which machines have computed the run, if they were not alike, and `forecast`, of a comparison
    of remedies, how well its outcomes are foretold.
    """
    found = list(findings)
    rows = [
        {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}
        for row in (finding._asdict() for finding in found)
    ]
    code = exit_code(found)
    status = {Exit.OK: "passed", Exit.FAILED: "failed"}.get(code, "inconclusive")
    head = {"schema": schemas.newest("findings"), "status": status, "exit_code": int(code)}
    told = ({"mixed": mixed} if mixed else {}) | ({"forecast": forecast} if forecast else {})
    return head | {"verdict": count(found), "question": question} | told | {"data": rows}

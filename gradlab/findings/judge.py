"""What a run's numbers say of its claims."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradlab import escaping, registry
from gradlab.findings import sampling
from gradlab.findings.claims import Claim, checks
from gradlab.findings.estimates import (
    ORDER,
    Decision,
    Estimate,
    Estimates,
    Label,
    Order,
    Where,
    label,
    number,
)
from gradlab.findings.finding import Finding, document
from gradlab.runs import contents, manifest
from gradlab.runs.files import replace, storage
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import columns
from gradlab.studies.sweep.results import Run


def judge(run: Run | TrainingRun | Any, claims: Sequence[Claim]) -> list[Finding]:
    """What the run says of each claim; a metric that it does not hold fails."""
    asked = [(claim.metric, _entries(run, claim)) for claim in claims]
    known: dict[str, Estimates] = {}
    for metric, entries in asked:
        if str((metric, entries)) not in known:
            found = (
                sampling.swept(run, metric, entries)
                if isinstance(run, Run)
                else sampling.trained(run, metric)
            )
            known[str((metric, entries))] = found
    return [_finding(claim, known[str(key)]) for claim, key in zip(claims, asked, strict=True)]


def _entries(run: Run | TrainingRun | Any, claim: Claim) -> dict[str, list[Label]]:
    """The labels that a claim names on the axes of a column that a further probe has measured."""
    own = columns.columns(run.norms).get(claim.metric, ()) if isinstance(run, Run) else ()
    found: dict[str, list[Label]] = {}
    for axis in own:
        given = [claim.where[axis]] if axis in claim.where else []
        if isinstance(claim.wanted, dict) and axis in claim.wanted:
            more = claim.wanted[axis]
            given += more if isinstance(more, list) else [more]
        if given:
            found[axis] = given
    return found


def _finding(claim: Claim, estimates: Estimates) -> Finding:
    wanted = _words(claim)
    if not estimates.at(claim.where):
        lost = Estimate(claim.where, 0, math.nan, math.nan, math.nan, lost="the run does not hold it")
        verdict = Decision("failed", lost)
    else:
        check = registry.member("checks", claim.check)
        verdict = check(estimates, claim.where, claim.wanted, **claim.settings)
    at = verdict.at
    points = len(estimates.at(claim.where))
    several = f" {points} points, the first" if points > 1 and verdict.status == "passed" else ""
    place = f" at{several} {label(at.where)}" if at.where else ""
    why = f"; {verdict.why}" if verdict.why and verdict.why != at.lost else ""
    sentence = f"{claim.metric}{place}: {at}; claimed: {wanted}{why}."
    middle, low, high, level = map(_known, (at.middle, at.low, at.high, at.level))
    head = (f"claim: {claim.text}", claim.text, verdict.status, claim.metric, dict(at.where))
    return Finding(*head, middle, wanted, sentence, low, high, level, at.seeds)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _words(claim: Claim) -> str:
    """What a claim wants, in words."""
    wanted, kind = claim.wanted, checks()[claim.check][0]
    if kind == tuple[float, float]:
        said = " and ".join(map(number, wanted))
    elif kind == Where:
        said = label(wanted)
    elif kind == Order:
        said = " > ".join(label({axis: one}) for axis, labels in wanted.items() for one in labels)
    else:
        said = wanted if isinstance(wanted, str) else number(wanted)
    settings = "".join(f", {key} {number(value)}" for key, value in claim.settings.items())
    return f"{claim.check.replace('_', ' ')} {said}{settings}"


def summary(findings: Sequence[Finding]) -> str:
    """How many claims hold, in one sentence."""
    if not findings:
        return "Nothing to judge: no claim is made."
    count = {status: sum(one.status == status for one in findings) for status in ORDER}
    said = f"{count['passed']} of {len(findings)} claims hold"
    said += f", {count['failed']} failed" if count["failed"] else ""
    return said + (f", {count['inconclusive']} inconclusive" if count["inconclusive"] else "") + "."


def write(folder: Path, facts: dict[str, Any], findings: Sequence[Finding]) -> None:
    """Store the findings of a finished run in `findings.json`, and what was asked in its `run.json`.

    Each file appears whole or not at all; the error is that of `files.storage`.
    """
    about, _ = contents.read(folder, ())
    if any(about.get(key) != value for key, value in facts.items()):
        about, held = contents.read(folder, tuple(about["files"]))
        contents.write(folder, about | facts, held)
    mixed = manifest.of_mixed(about)
    text = escaping.document(document(str(facts["question"]), findings, mixed), 1)
    with storage(folder):
        replace(folder / "findings.json", f"{text}\n".encode())

"""What changed between two runs: settings, versions, and every number by the size of its change."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradlab.errors import Exit, shown
from gradlab.findings import compare as comparing
from gradlab.findings.finding import Finding
from gradlab.findings.numbers import side
from gradlab.findings.tolerance import Change, Mode
from gradlab.runs.manifest import of_mixed

if TYPE_CHECKING:
    from gradlab.studies.sweep.results import Run


class Setting(NamedTuple):
    """A setting or version that is not the same in both runs, and the machines of a run that differ."""

    name: str
    old: str
    new: str


class Row(NamedTuple):
    """One number in both runs; NaN where a run has none."""

    verdict: str
    """`same`, `changed`, `only in A`, `only in B`, `inconclusive`, or `note` for other weights."""
    what: str
    """Metric and point."""
    old: float
    new: float
    times: float
    """The change in units of its limit; infinite where a state changed or a run has no such number."""
    mode: Mode | None
    sentence: str


class Difference(NamedTuple):
    """Two runs side by side."""

    settings: list[Setting]
    rows: list[Row]
    """Largest change first."""

    @property
    def code(self) -> Exit:
        """0 all within the limits, 1 something changed, 4 nothing could be compared or not all judged."""
        said = {row.verdict for row in self.rows}
        compared = bool(said & {"same", "changed"})
        if compared and said & {"changed", "only in A", "only in B"}:
            return Exit.FAILED
        return Exit.OK if compared and "inconclusive" not in said else Exit.INCONCLUSIVE


def differences(a: "Run", b: "Run") -> Difference:
    """Compare run A with run B, whatever their settings: seed by seed where the weights are equal."""
    found = comparing.changes(side(a), side(b), same=())
    rows = [_row(change) for change in found]
    rows.sort(key=lambda row: (-row.times, row.what))
    facts = [
        *_settings("", a.about.get("settings", {}), b.about.get("settings", {})),
        # Of a network of one's own no setting says it.
        *_settings("", *({"precision": one.about.get("precision")} for one in (a, b))),
        *_settings("version of ", a.about.get("versions", {}), b.about.get("versions", {})),
    ]
    machines = [of_mixed(run.about) for run in (a, b)]
    if any(machines):
        facts.append(Setting("machines", *(one or "-" for one in machines)))
    return Difference(facts, rows)


def _settings(head: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Setting]:
    names = sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
    return [Setting(head + name, _text(a.get(name)), _text(b.get(name))) for name in names]


def _text(value: Any) -> str:
    words = (
        ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
    )
    return "-" if value is None else shown(words).strip("'")


def _row(change: Change) -> Row:
    finding, mode, old, new, ratio = change
    return Row(_verdict(finding, mode), finding.id, old, new, ratio, mode, finding.sentence)


def _verdict(finding: Finding, mode: Mode | None) -> str:
    if finding.status == "inconclusive":
        return "inconclusive"
    if finding.metric == "weights":
        return "changed" if finding.status == "failed" else "note"
    if mode is None:
        return "only in B" if finding.status == "note" else "only in A"
    return "changed" if finding.status == "failed" else "same"


def number(value: float) -> str:
    """A value for the table; `-` where there is none."""
    return "-" if math.isnan(value) else f"{value:.6g}"

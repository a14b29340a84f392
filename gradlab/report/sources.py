"""What a report is made from: a run folder, how far it has come, and what its checks found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gradlab.findings.finding import WORST, Finding, Status, worst_first
from gradlab.report import unfinished
from gradlab.runs import documents, files
from gradlab.states import FORWARD_NONFINITE, UNDEFINED
from gradlab.studies import base
from gradlab.studies.neurons.results import Reading
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep.results import Run

_LARGEST = 64 * 10**6
"""Bytes of the findings."""


class Progress(NamedTuple):
    """Points that have a result, points that failed, and points asked for."""

    done: int
    failed: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether every point has a result."""
        return self.done >= self.of


@dataclass(frozen=True)
class Source:
    """One run of a report."""

    name: str
    folder: Path
    about: dict[str, Any]
    run: Run | TrainingRun | Reading
    progress: Progress
    findings: tuple[Finding, ...] = ()
    notes: list[str] = field(default_factory=list)
    """What a reader of the report should know about the report itself."""

    @property
    def command(self) -> str:
        """The command that made the run."""
        return str(self.about.get("command", "sweep"))

    @property
    def settings(self) -> dict[str, Any]:
        """What `run.json` holds as settings."""
        found = self.about.get("settings")
        return found if isinstance(found, dict) else {}


def read(path: Path) -> Source:
    """Read a run for a report, finished or not.

    Raises `GradlabError`: exit 4 if no point of it has finished, else as `tables.read`.
    """
    folder = path.parent if path.name == "run.json" else path
    run = _run(folder)
    done = progress(run)
    if done.done == 0:
        lost = (
            f"{done.failed} of {done.of} failed; see failures.jsonl" if done.failed else "none has a result"
        )
        raise unfinished.nothing(folder, f"no point has finished: {lost}")
    name = folder.resolve().name or str(folder)
    notes: list[str] = []
    return Source(name, folder, run.about, run, done, findings(folder, notes), notes)


def of(run: Run | TrainingRun | Reading, name: str, judged: Sequence[Finding] = ()) -> Source:
    """A finished run that is in memory alone, with what became of its claims."""
    return Source(name, Path(name), run.about, run, progress(run), tuple(worst_first(judged)))


def _run(folder: Path) -> Run | TrainingRun | Reading:
    if files.unfinished(folder):
        return unfinished.read(folder)
    found: Run | TrainingRun | Reading = base.read(folder)
    return found


def progress(run: Run | TrainingRun | Reading) -> Progress:
    """How many points have a result, counted in the results themselves."""
    if isinstance(run, TrainingRun | Reading):
        done, failed = len(run.table if isinstance(run, TrainingRun) else run.cells), 0
        size = done
    else:
        codes = run.norms["transport_state"].sel(part="state").isel(lag=0)
        size, measured = int(codes.size), int((codes != UNDEFINED).sum())
        rows = run.metrics
        rate = (rows["metric"] == "rate") & (rows["part"] == "state")
        lost = int((rate & (rows["state"] == "forward_nonfinite")).sum())
        failed = max(lost, int((codes == FORWARD_NONFINITE).sum()))
        done = max(measured - failed, 0)
    asked = run.about.get("points")
    return Progress(done, failed, max(size, asked) if isinstance(asked, int) else size)


def findings(folder: Path, notes: list[str]) -> tuple[Finding, ...]:
    """What `findings.json` of a folder holds, failures first; none if there is no such file."""
    place = folder / "findings.json"
    if not place.exists():
        return ()
    try:
        found = documents.parsed(files.inside(folder, "findings.json", _LARGEST))
    except (OSError, ValueError) as error:
        notes.append(f"findings.json cannot be read: it {error}.")
        return ()
    rows = found.get("data") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        notes.append("findings.json holds no list of findings.")
        return ()
    made = [_finding(row) for row in rows if isinstance(row, dict)]
    return tuple(worst_first(made))


def _finding(row: dict[str, Any]) -> Finding:
    """A finding from its row; a status that is not known is inconclusive."""
    came = str(row.get("status", ""))
    status: Status = next((word for word in WORST if word == came), "inconclusive")
    text, said = str(row.get("text") or row.get("metric") or "claim"), str(row.get("sentence") or "")
    return Finding(text, text, status, "", {}, None, "", said)

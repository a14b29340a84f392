"""The results of a sweep put together: labelled arrays, their metrics, and the facts of `run.json`."""

from typing import Any

import numpy as np

from gradlab import digests, registry, runtime, specs
from gradlab.errors import GradlabError
from gradlab.profiles import bound
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.runs import store
from gradlab.studies.sweep import columns, declared, drawing
from gradlab.studies.sweep.cell_result import CellResult
from gradlab.studies.sweep.labelled import dataset
from gradlab.studies.sweep.results import Run, failures, grid, metrics
from gradlab.studies.sweep.settings import Sweep


def run(asked: Sweep, results: list[CellResult]) -> Run:
    """The run of a sweep, its cells in the order that was asked for."""
    results = sorted(results, key=lambda result: asked.cell.index(result.cell))
    axes = (asked.init, asked.w_rec, asked.T, range(asked.seeds))
    fixed = [label for label in asked.cell if "w_rec" in registry.make("cells", label).fixed]
    facts: dict[str, Any] = {"objective": asked.objective, "precision": asked.precision}
    units = {result.cell: result.readout for result in results}
    norms = dataset(results, *axes, fixed, hidden=asked.hidden, **facts)
    made = (registry.make("cells", label) for label in asked.cell)
    further = dict.fromkeys(probe for cell in made for probe in declared.asked(asked.probe, cell.rescales))
    norms = declared.noted(norms, tuple(further), units)
    table = metrics(norms)
    starts = drawing.starts(asked)
    failed = len(failures(table, norms))
    limit, largest = bound(asked.precision, max(asked.T)), TOLERANCE[asked.precision]
    about = {
        "status": "partial" if failed else "complete",
        "settings": specs.stored(asked),
        "points": asked.points,
        "failed": failed,
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "weights": {result.cell: result.digests for result in results},
        "bound": f"{asked.precision}: given the values of the forward pass, norms are exact to {limit:.1g} "
        f"(relative), the largest singular value to {max(limit, largest):.1g}",
        "code": {result.cell: result.code for result in results},
    }
    said = list(drawing.said(asked))
    rest = {"starts": starts, "metrics": registry.further("metrics"), "said": said}
    return Run(about | {key: value for key, value in rest.items() if value}, table, norms)


def require(run: Run, where: str) -> None:
    """Refuse a run of which a metric, of another package or of files that have changed, is another today.

    And one whose probes, of another package, say something else beside their numbers.

    Raises:
      GradlabError: with the metrics that give other values than the table has, or the probe.
    """
    for probe in run.about["settings"].get("probe", ()):
        if registry.is_foreign("probes", probe):
            said = declared.notes(run.norms, probe)
            if any(run.norms[name].attrs.get("note") != said.get(name) for name in declared.axes(probe)):
                _refuse(where, f"note of {probe}")
    known = run.about.get("code", {}).values()
    same = all(code.get(digests.SOURCE) == digests.source() for code in known)
    held, every = set(run.metrics["metric"].unique()), set(registry.names("metrics"))
    asked = sorted(held & (set(registry.further("metrics")) if same else every))
    if not asked:
        return
    probed = {entry.name for entry in columns.entries(run.norms)}
    now = metrics(run.norms, (every | probed) - {*asked})
    different = [name for name in asked if not _alike(run, now, name)]
    if different:
        _refuse(where, f"metric {' and '.join(different)}")


def _refuse(where: str, what: str) -> None:
    said = f"was measured with other code: another {what}; --force measures anew"
    raise GradlabError("--name", f"{where} {said}")


def _alike(run: Run, now: Any, name: str) -> bool:
    """Whether two tables of a run have the same values and states of a metric."""
    for part in map(str, run.norms["part"].values):
        before, after = (grid(table, run.norms, name, part) for table in (run.metrics, now))
        if not np.array_equal(before.value, after.value, equal_nan=True):
            return False
        if not np.array_equal(before.state, after.state):
            return False
    return True

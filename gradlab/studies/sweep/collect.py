"""The results of a sweep put together: labelled arrays, their metrics, and the facts of `run.json`."""

from typing import Any

from gradlab import registry, runtime, specs
from gradlab.profiles import bound
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.runs import store
from gradlab.studies.sweep import drawing, probing
from gradlab.studies.sweep.compute import CellResult
from gradlab.studies.sweep.labelled import dataset
from gradlab.studies.sweep.results import Run, failures, metrics
from gradlab.studies.sweep.settings import Sweep


def run(asked: Sweep, results: list[CellResult]) -> Run:
    """The run of a sweep, its cells in the order that was asked for."""
    results = sorted(results, key=lambda result: asked.cell.index(result.cell))
    axes = (asked.init, asked.w_rec, asked.T, range(asked.seeds))
    fixed = [label for label in asked.cell if "w_rec" in registry.make("cells", label).fixed]
    facts: dict[str, Any] = {"objective": asked.objective, "precision": asked.precision}
    norms = probing.noted(dataset(results, *axes, fixed, hidden=asked.hidden, **facts), asked.probe)
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
    rest = {"starts": starts, "metrics": registry.further("metrics")}
    return Run(about | {key: value for key, value in rest.items() if value}, table, norms)

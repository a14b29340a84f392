"""The results of a comparison put together: its tables, its profiles, and the facts of `run.json`."""

from typing import Any

from gradlab import registry, runtime
from gradlab.runs import store
from gradlab.studies.remedies.compute import Result
from gradlab.studies.remedies.results import TrainingRun, curves, profiles, table
from gradlab.studies.remedies.settings import Training


def run(asked: Training, settings: dict[str, Any], results: list[Result]) -> TrainingRun:
    """The run of a comparison whose settings are stored as `settings`."""
    task = registry.make("tasks", asked.task)
    about = {
        "command": "remedies",
        "status": "complete",
        "settings": settings,
        "failed": 0,
        "points": len(results) * asked.seeds,
        "solved": task.solved,
        "chance": {str(T): task.chance(T) for T in asked.T},
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "code": {f"{found.arm} at T = {found.T}": found.code for found in results},
    }
    return TrainingRun(about, table(results), curves(results), profiles(results))

"""The results of a comparison put together: its tables, its profiles, and the facts of `run.json`."""

from collections.abc import Iterable
from typing import Any

from gradlab import registry, runtime
from gradlab.errors import GradlabError
from gradlab.runs import store
from gradlab.studies.remedies.kept import Result
from gradlab.studies.remedies.results import TrainingRun, curves, lengths, profiles, table
from gradlab.studies.remedies.settings import Training, place


def run(asked: Training, settings: dict[str, Any], results: list[Result]) -> TrainingRun:
    """The run of a comparison whose settings are stored as `settings`."""
    found = table(results)
    Ts = lengths(settings, found)
    about = {
        "command": "remedies",
        "status": "complete",
        "settings": settings,
        "failed": 0,
        "points": len(results) * asked.seeds,
        **_levels(asked.task, Ts),
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "costs": {place(found.arm, found.T): found.costs for found in results},
        "code": {place(found.arm, found.T): found.code for found in results},
    }
    return TrainingRun(about, found, curves(results), profiles(results, Ts))


def _levels(spelled: str, T: Iterable[int]) -> dict[str, Any]:
    """What a task calls solved, and the loss of a guess."""
    task = registry.make("tasks", spelled)
    return {"solved": task.solved, "chance": {str(t): task.chance(t) for t in T}}


def require(run: TrainingRun, where: str) -> None:
    """Refuse a run whose task calls something else solved today, or puts chance elsewhere.

    Raises:
      GradlabError: with what has changed.
    """
    settings = run.about["settings"]
    now = _levels(settings["task"], lengths(settings, run.table))
    different = [name for name, value in now.items() if run.about.get(name, value) != value]
    if different:
        what = f"was measured with other code: another {' and '.join(different)} of {settings['task']}"
        raise GradlabError("--name", f"{where} {what}; --force measures anew")

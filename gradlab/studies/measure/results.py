"""The files of a measured network: those of a sweep, on axes that its `run.json` tells."""

from pathlib import Path
from typing import Any

from gradlab.errors import GradlabError
from gradlab.profiles import EPS
from gradlab.runs import contents
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import whole


def read(path: Path) -> Run:
    """Read a run from its folder; the errors are those of a sweep's."""
    folder = contents.home(path)
    about, held = contents.read(folder, results.FILES)
    if about.get("command") != "measure":
        raise GradlabError(str(folder), "is no run of gradlab measure")
    run = results.of_files(folder, about, held, axes(about))
    if EPS[about["precision"]] > EPS["float32"] and not whole(run.norms):
        what = f"is {about['precision']}, in which only what gradlab.reach gives is kept"
        raise GradlabError(f"{folder / 'run.json'}:precision", what)
    return run


def axes(about: dict[str, Any]) -> dict[str, Any]:
    """The axes of its tables: one network as it is given, a window in the place of a seed."""
    asked = about["settings"]
    return {
        "cell": about["networks"],
        "init": ["given"],
        "w_rec": [1.0],
        "T": [asked["T"]],
        "seeds": asked["windows"],
        "objective": about["loss"],
        "precision": about["precision"],
    }

"""Keep a run in a tracker's files, beside its folder; what fails there never ends a run."""

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from gradlab.errors import Exit, GradlabError
from gradlab.escaping import plain
from gradlab.values import choice

if TYPE_CHECKING:
    from gradlab.findings.finding import Finding
    from gradlab.logs.entries import Entries, Point

Log = Literal["tensorboard", "mlflow", "wandb-offline"]
PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb-offline": "wandb"}
"""What each is imported as, and the extra of its name."""
FOLDER = "logs"
"""Beside the folder of a run, so that a tracker finds all runs that lie there."""
SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
    "DO_NOT_TRACK": "1",
}
"""What keeps the libraries from telling anyone, read when they are imported and when they begin."""


class Logged(NamedTuple):
    """What a tracker has of a run."""

    how: str
    """The command that shows it, or sends it."""
    new: bool
    """False where it was there already."""


@runtime_checkable
class Writer(Protocol):
    """What a tracker is told through: opened with name and settings, and then added to until it ends."""

    how: str
    """As `Logged.how`"""

    def add(self, points: "Iterable[Point]") -> None:
        """Tell of numbers, which can be read from now on."""

    def finish(self, entries: "Entries") -> None:
        """Tell what only the end knows, all but the numbers, and end."""

    def fail(self) -> None:
        """End with what is there, where something has failed."""


class Told(NamedTuple):
    """What is to be said of it: a note, or a warning; the other is empty."""

    note: str = ""
    warning: str = ""


def require(log: str | None, folder: Path | None, option: str = "--log") -> None:
    """Refuse, before work starts, a tracker that there is not; without one there is nothing to see.

    Raises:
      GradlabError: for another word, and for a run without a folder (exit 2); for a package that is not
        installed, with the extra that brings it (exit 6).
    """
    if log is None:
        return
    package = PACKAGES[choice(option, log, Log)]
    if folder is None:
        raise GradlabError(option, f"{log} is written beside the folder of a run; give folder, too")
    # A folder of that name, such as the one that wandb makes, is found as well, and is no package.
    found = None if sys.modules.get(package, "") is None else importlib.util.find_spec(package)
    if found is None or found.origin is None:
        what = f'{package} is not installed; pip install "gradlab[{package}]"'
        raise GradlabError(option, what, Exit.ENVIRONMENT)


def keep(log: str | None, run: Any, folder: Path | None, found: "Sequence[Finding]" = ()) -> Told:
    """Tell the tracker of the run in a folder, once; `found` is what became of its claims."""
    if log is None or folder is None:
        return Told()
    try:
        from gradlab.logs import entries

        told = entries.of(run, folder.absolute(), found)
        with quiet():
            logged: Logged = tracker(log).write(told, folder.parent / FOLDER)
    except Exception as error:
        return Told(warning=plain(f"--log {log}: nothing is logged: {failure(error)}")[:300])
    return Told(note=f"{log} {'holds' if logged.new else 'held already'} this run: {logged.how}")


def tracker(log: str) -> ModuleType:
    """The file of a tracker: `write` tells of a finished run, once, all or nothing; a `Writer` bit by bit."""
    return importlib.import_module(f"gradlab.logs.in_{PACKAGES[log]}")


def failure(error: Exception) -> str:
    """The kind of an error, and its first line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing is sent, and nothing is said but by us."""
    before = {name: os.environ.get(name) for name in SILENT}
    disabled = logging.root.manager.disable
    os.environ.update(SILENT)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

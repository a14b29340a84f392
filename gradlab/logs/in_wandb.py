"""A run in a file of Weights & Biases, offline: `logs/wandb/offline-run-TIME-DIGEST/`."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from gradlab.logs.entries import Axis, Entries, Point
from gradlab.logs.keep import Logged

PROJECT = "gradlab"


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as history by T, update or lag, settings as config, the verdict as notes and in the summary.

    Figures are images of the history. Nothing is sent: `wandb sync` does that, if its user wants it. A run of
    its user's own, in the same process, is left alone.
    """
    if there := list((logs / "wandb").glob(f"offline-run-*-{entries.digest}")):
        return Logged(f"wandb sync {there[0]}", new=False)
    writer = Writer(entries, logs)
    try:
        writer.add(entries.points)
        writer.finish(entries)
    except BaseException:
        # Half of it would be taken for the whole the next time.
        writer.fail()
        shutil.rmtree(writer.place, ignore_errors=True)
        raise
    return Logged(writer.how, new=True)


class Writer:
    """A file that the library's own process writes, every 15 seconds and at the end."""

    def __init__(self, entries: Entries, logs: Path) -> None:
        import wandb

        (logs / "wandb").mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=PROJECT,
            id=entries.digest,
            name=entries.name,
            config=entries.settings,
            dir=str(logs.absolute()),
            mode="offline",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
            ),
        )
        # While it is active, `wandb.init()` of its user's would return it, or end it in a notebook.
        wandb.setup().remove_active_run(self._run)
        self.place = logs / "wandb" / Path(self._run.dir).parent.name
        self.how = f"wandb sync {self.place}"
        self._defined: set[str] = set()

    def add(self, points: Iterable[Point]) -> None:
        """Numbers as history: each series has its own axis, since the steps of a history only go up."""
        rows: dict[tuple[Axis, int], dict[str, float]] = {}
        for name, step, value, axis in points:
            # The library takes a star for a pattern.
            if name not in self._defined and "*" not in name:
                self._run.define_metric(name, step_metric=axis)
            self._defined.add(name)
            rows.setdefault((axis, step), {})[name] = value
        for (axis, step), values in sorted(rows.items()):
            self._run.log({axis: step, **values})

    def finish(self, entries: Entries) -> None:
        """The verdict as notes, it with tags and table in the summary, figures as images."""
        import wandb

        if entries.figures:
            images = {f"figures/{figure.stem}": wandb.Image(str(figure)) for figure in entries.figures}
            self._run.log(images)
        self._run.notes = entries.verdict
        self._run.summary.update({**entries.tags, "verdict": entries.verdict, "table": entries.table})
        self._run.finish()

    def fail(self) -> None:
        """End with what is there."""
        self._run.finish(exit_code=1)

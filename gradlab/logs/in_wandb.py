"""A run in a file of Weights & Biases, offline: `logs/wandb/offline-run-TIME-DIGEST/`."""

import shutil
from pathlib import Path
from typing import Any

from gradlab.logs.entries import Entries
from gradlab.logs.keep import Logged

PROJECT = "gradlab"


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as history by step, settings as config, the verdict as notes and in the summary, figures.

    Nothing is sent: `wandb sync` does that, if its user wants it. A run of its user's own, in the same
    process, is left alone.
    """
    import wandb

    folder = logs / "wandb"
    if there := list(folder.glob(f"offline-run-*-{entries.digest}")):
        return Logged(f"wandb sync {there[0]}", new=False)
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=PROJECT,
        id=entries.digest,
        name=entries.name,
        notes=entries.verdict,
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
    place = Path(run.dir).parent
    try:
        _fill(run, entries)
    except BaseException:
        # Half of it would be taken for the whole the next time.
        run.finish(exit_code=1)
        shutil.rmtree(place, ignore_errors=True)
        raise
    run.finish()
    return Logged(f"wandb sync {folder / place.name}", new=True)


def _fill(run: Any, entries: Entries) -> None:
    import wandb

    # Steps only go up.
    by_step: dict[int, dict[str, Any]] = {}
    for name, step, value in entries.points:
        by_step.setdefault(step, {})[name] = value
    images = {f"figures/{figure.stem}": wandb.Image(str(figure)) for figure in entries.figures}
    by_step.setdefault(max(by_step, default=0), {}).update(images)
    for step in sorted(by_step):
        run.log(by_step[step], step=step, commit=True)
    run.summary.update({**entries.tags, "verdict": entries.verdict, "table": entries.table})

"""`gradlab remedies`: train the remedies on one task at equal budget, and say which one works."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradlab.cli import _options, _settings
from gradlab.studies.remedies.settings import PRESETS, Training


@_settings.options(Training, PRESETS["quick"])
def command(
    given: dict[str, Any],
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes: the main remedies, a small budget; the default.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Hours: every remedy, a large budget.")] = False,
    name: _options.Name = None,
    out: _options.Out = Path("results"),
    device: _options.Device = "auto",
    force: _options.Force = False,
    as_json: _options.AsJson = False,
    quiet: _options.Quiet = False,
    dry_run: _options.DryRun = False,
    shard: _options.Shard = None,
    engine: _options.Engine = "local",
    scheduler: _options.Scheduler = None,
    workers: _options.Workers = None,
    insecure_cluster: _options.Insecure = False,
) -> int:
    """Train every arm on TASK at equal budget and print who solves it, and what it did to the gradient."""
    from gradlab import runtime, specs
    from gradlab.cli import _run
    from gradlab.errors import GradlabError

    runtime.configure(device)
    if quick and full:
        raise GradlabError("--quick", "and --full exclude each other; give one")
    asked = specs.made(Training, specs.OPTIONS, given, PRESETS["full" if full else "quick"])
    return _run.command(
        asked,
        name,
        out,
        device,
        force=force,
        as_json=as_json,
        quiet=quiet,
        dry_run=dry_run,
        where=_run.Where(shard, engine, scheduler, workers, insecure_cluster),
    )

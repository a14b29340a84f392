"""`gradlab sweep`: measure a grid of networks."""

from pathlib import Path
from typing import Any

from gradlab.cli import _options, _settings
from gradlab.studies.sweep.settings import Sweep


@_settings.options(Sweep)
def command(
    given: dict[str, Any],
    name: _options.Name = None,
    out: _options.Out = Path("results"),
    device: _options.Device = "auto",
    as_json: _options.AsJson = False,
    quiet: _options.Quiet = False,
    force: _options.Force = False,
    dry_run: _options.DryRun = False,
    shard: _options.Shard = None,
    engine: _options.Engine = "local",
    scheduler: _options.Scheduler = None,
    workers: _options.Workers = None,
    insecure_cluster: _options.Insecure = False,
    mixed: _options.Mixed = False,
    log: _options.Log = None,
) -> int:
    """Measure where gradients vanish and explode, over cell x initialiser x w_rec x T x seed.

    Prints one row per (cell, w_rec) at the longest T, and writes run.json, metrics.csv, norms.nc and figures.
    """
    from gradlab import runtime, specs
    from gradlab.cli import _run

    runtime.configure(device)
    asked = specs.made(Sweep, specs.OPTIONS, given)
    return _run.command(
        asked,
        name,
        out,
        device,
        force=force,
        as_json=as_json,
        quiet=quiet,
        dry_run=dry_run,
        where=_run.Where(shard, engine, scheduler, workers, insecure_cluster, mixed),
        log=log,
    )

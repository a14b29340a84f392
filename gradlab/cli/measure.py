"""`gradlab measure`: one network of your own, on windows of your own series."""

from pathlib import Path
from typing import Any

from gradlab.cli import _options, _settings
from gradlab.studies.measure.settings import Measure


@_settings.options(Measure)
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
    """Measure how far back a trained network's gradient reaches, on windows of a series.

    MODEL is a file of weights of torch's RNN, LSTM or GRU, or a function package.module:name that gives a
    torch module, a cell of equinox or flax, or (step, params, state, readout). Prints and writes what a
    sweep does, for this network.
    """
    from gradlab import runtime, specs
    from gradlab.cli import _run

    runtime.configure(device)
    asked = specs.made(Measure, specs.OPTIONS, given)
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

"""`gradlab remedies`: train the remedies on one task at equal budget, and say which one works."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradlab.cli import _options, _settings
from gradlab.studies.remedies.settings import PRESETS, Training


@_settings.options(Training, PRESETS["quick"] | {"task": ""})
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
    mixed: _options.Mixed = False,
    log: _options.Log = None,
) -> int:
    """Train every arm on TASK at equal budget and print who solves it, and what it did to the gradient.

    Without TASK: two scenarios, a start whose gradient has vanished and one whose gradient explodes, chosen
    by the transport of untrained networks.
    """
    from gradlab import runtime, specs
    from gradlab.cli import _run
    from gradlab.errors import GradlabError

    runtime.configure(device)
    if quick and full:
        raise GradlabError("--quick", "and --full exclude each other; give one")
    if "target" in given and given.get("T", given["target"]) != given["target"]:
        raise GradlabError("-T", "and --target exclude each other; give one")
    if "task" in given:
        asked = specs.made(Training, specs.OPTIONS, given, PRESETS["full" if full else "quick"])
    elif questions := [f"--{name}" for name in ("longest", "target") if name in given]:
        raise GradlabError("TASK", f"is missing beside {questions[0]}; give one")
    elif quick or full:
        raise GradlabError("TASK", f"is missing beside --{'full' if full else 'quick'}; give one")
    else:
        asked = specs.made(Training, specs.OPTIONS, given, PRESETS["scenarios"])
    if "remedies" not in given:
        asked = _possible(asked, quiet=quiet)
    if "task" not in given and "w_rec" not in given:
        asked = _chosen(asked, device, quiet=quiet)
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


def _possible(asked: Training, *, quiet: bool) -> Training:
    """The settings with the usual arms as far as the cell has them, and on stderr those left out."""
    from gradlab.cli import _output
    from gradlab.studies.remedies import usual

    asked, told = usual.possible(asked)
    if told and not quiet:
        _output.note(told)
    return asked


def _chosen(asked: Training, device: str, *, quiet: bool) -> Training:
    """The settings at two gains, and on stderr the profile that they were chosen by."""
    from gradlab import runtime
    from gradlab.cli import _output
    from gradlab.studies.remedies import scenarios

    runtime.pick(device, asked.work)
    runtime.require_device(device)
    asked, chosen = scenarios.choose(asked)
    if not quiet:
        _output.note(chosen.said())
    return asked

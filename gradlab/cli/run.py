"""`gradlab run`: run an experiment, and judge what it claims."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli import _options, _output


def command(
    experiment: Annotated[
        str,
        typer.Argument(help="Its name, which `gradlab list experiments` shows, or a file of your own."),
    ],
    size: Annotated[
        str, typer.Option("--size", help="full, or ci: the small grid of the experiment.")
    ] = "full",
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; the experiment's if left out.")
    ] = None,
    out: _options.Out = Path("results"),
    device: _options.Device = "auto",
    as_json: _options.AsJson = False,
    quiet: _options.Quiet = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over: remove what gradlab has written there before.")
    ] = False,
    dry_run: _options.DryRun = False,
    shard: _options.Shard = None,
    engine: _options.Engine = "local",
    scheduler: _options.Scheduler = None,
    workers: _options.Workers = None,
    insecure_cluster: _options.Insecure = False,
    mixed: _options.Mixed = False,
    log: _options.Log = None,
) -> int:
    """Sweep or train what an experiment asks for, and judge what it claims.

    Prints the table of the run and one verdict per claim. Exit 0 if all claims hold, 1 if one failed, 4 if
    none failed and one is inconclusive. The `run.json` of a run asks the same again.
    """
    from gradlab import runtime

    runtime.configure(device)
    from gradlab import execute
    from gradlab.cli import _run, check
    from gradlab.errors import Exit
    from gradlab.experiments import load
    from gradlab.findings import finding
    from gradlab.runs import store
    from gradlab.studies import base
    from gradlab.values import choice

    elsewhere = _run.Where(shard, engine, scheduler, workers, insecure_cluster, mixed).engine(device)
    _run.require_log(log, out, shard)
    question = load.load(load.find(experiment), choice("--size", size, load.Size))
    runtime.pick(device, question.asked.work)
    runtime.require_device(device)
    folder = store.folder_of(out, question.name if name is None else name)
    planned = base.of(question.asked).plan(question.asked)
    if shard is not None:
        looks = {"force": force, "as_json": as_json, "quiet": quiet, "dry_run": dry_run}
        return _run.share(question.asked, planned, name, out, shard, called=question.name, **looks)
    if dry_run:
        _run.say_plan(question.asked, planned, folder, as_json, elsewhere)
        return 0
    done = _run.run(question.asked, planned, folder, force=force, quiet=quiet, engine=elsewhere)
    made = execute.answer(question, done.run, folder)
    judged = finding.exit_code(made) if made or question.left_out else Exit.OK
    code = int(judged or done.code)
    if not as_json:
        _output.say_table(done.run)
        _output.say()
    check.show(question.question, made, done.run, folder, code, as_json)
    if not quiet:
        _output.note(f"{folder}  (gradlab check {folder} judges it again)")
        if question.left_out:
            _output.note(f"{question.left_out} claims are made at another --size only")
    _run.tell(log, done, folder, quiet, made)
    return code

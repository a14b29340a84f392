"""`gradlab neurons`: train cells on text, and see what each of their units keeps in mind."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli import _options, _output, _settings
from gradlab.studies.neurons.settings import Neurons

if TYPE_CHECKING:
    from gradlab.execute import Done


@_settings.options(Neurons)
def command(
    given: dict[str, Any],
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Show a run, named in place of TEXT, in the terminal.")
    ] = False,
    unit: Annotated[str, typer.Option("--unit", help="With --terminal: 17, c/17 or gru:h/3.")] = "",
    at: Annotated[int, typer.Option("--at", help="With --terminal: from this character on.")] = 0,
    gradient: Annotated[
        bool,
        typer.Option("--gradient", help="With --terminal: what the prediction after --at depends on."),
    ] = False,
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
    """Train a character model on TEXT and print which units follow which labels, beside three controls."""
    from gradlab import runtime, specs
    from gradlab.cli import _run
    from gradlab.errors import GradlabError

    text = str(given.get("text", ""))
    is_run = bool(text) and (Path(text) / "run.json").is_file()
    if terminal:
        if not is_run:
            raise GradlabError("--terminal", "shows a run; give its folder, such as results/NAME")
        return _show(Path(text), unit, at, gradient)
    for option, value in (("--unit", unit), ("--at", at), ("--gradient", gradient)):
        if value:
            raise GradlabError(option, "goes with --terminal and the folder of a run")
    if is_run:
        what = f"{text} is a run; `gradlab show {text}` prints it, --terminal --unit N shows a unit"
        raise GradlabError("TEXT", what)
    runtime.configure(device)
    asked = specs.made(Neurons, specs.OPTIONS, given)

    def view(done: "Done", folder: Path) -> None:
        from gradlab.viewer import page

        place = page.write(folder, done.run)
        if not quiet:
            _output.note(f"{place}  (open it in a browser: the text, unit by unit)")

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
        then=view,
    )


def _show(folder: Path, unit: str, at: int, gradient: bool) -> int:
    """A unit along the text, from the run's files alone; or a gradient, worked out from its weights."""
    from gradlab import runtime
    from gradlab.cli import _terminal
    from gradlab.errors import GradlabError
    from gradlab.studies import base
    from gradlab.studies.neurons import view

    run = base.read(folder, "neurons")
    width = _terminal.width()
    looks = {"unicode": _terminal.unicode(), "color": _terminal.color()}
    if not gradient:
        _output.say(view.render(run, unit, at, width, **looks))
        return 0
    cell = view.chosen(run, unit).cell
    if not 0 <= at < len(run.norms["codes"]):
        raise GradlabError("--at", f"{at} is beyond the text; 0 to {len(run.norms['codes']) - 1}")
    runtime.configure("cpu")
    from gradlab.studies.neurons.gradient import back

    _output.say(view.gradient(run, cell, at, back(run, cell, at), width, **looks))
    return 0

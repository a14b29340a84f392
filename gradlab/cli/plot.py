"""`gradlab plot`: one figure of a finished run, to a file or in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab import schemas, spelled
from gradlab.cli import _options, _output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradlab.studies.remedies.results import TrainingRun
    from gradlab.studies.sweep.results import Run


def command(
    run: Annotated[str, typer.Argument(help="A run's folder; left out for a plot that reads none.")],
    kind: Annotated[
        str | None, typer.Argument(help="A plot, such as profile or 'profile(quantity=adjoint)'.")
    ] = None,
    x: Annotated[str | None, typer.Option("--x", help="Of the plot metrics: the column across.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Of the plot metrics: the column upwards.")] = None,
    color: Annotated[
        str | None, typer.Option("--color", help="Of the plot metrics: what the colours are.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Keep only this, such as cell=lstm, T=50,100 or index=1 of a probe."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file that ends in .svg, .png or .pdf.")
    ] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Draw with characters on stdout.")] = False,
    as_json: _options.AsJson = False,
) -> int:
    """Draw one plot of a finished run; without -o into its figures. `gradlab list plots` has them all."""
    from gradlab.errors import GradlabError

    if terminal and as_json:
        raise GradlabError("--terminal", "and --json exclude each other; give one")
    options = {"x": x, "y": y, "color": color}
    folder, spec = _words(run, kind, any(value is not None for value in options.values()))
    draw, name = _made(spec, options)
    output = _file(output, folder, spec, [*(where or []), *filter(None, options.values())])
    found = _read(folder, name)
    if where:
        from gradlab.cli import _where

        found = _where.chosen(found, name, where)
    from gradlab.plots import _style

    figure = draw(found)
    if terminal:
        _show(figure)
        return 0
    _style.write(figure, output)
    if as_json:
        head = {"schema": schemas.newest("plot"), "status": "ok", "exit_code": 0}
        _output.say_json(head | {"data": {"file": str(output)}})
    else:
        _output.say(str(output))
    return 0


def _words(run: str, kind: str | None, general: bool) -> tuple[Path | None, str]:
    """The folder and the plot; a lone word is a plot that reads no run, or a run with columns to plot."""
    from gradlab import registry
    from gradlab.errors import GradlabError, shown

    name = run.partition("(")[0].strip()
    if kind is not None:
        if name in registry.names("plots") and Path(kind).is_dir() and not Path(run).is_dir():
            what = f"{shown(kind)} is a folder: give the run first, and {shown(run)} after it"
            raise GradlabError("KIND", what)
        return Path(run), kind
    if name in registry.names("plots") and registry.home("plots", name).READS == "":
        return None, run
    if general:
        return Path(run), "metrics"
    raise GradlabError("KIND", f"is missing; known: {', '.join(registry.names('plots'))}")


def _made(spec: str, options: dict[str, str | None]) -> tuple[Any, str]:
    """The plot with its settings, and its name."""
    import functools

    from gradlab import registry

    made = registry.make("plots", spec)
    name = spec.partition("(")[0].strip()
    known = registry.settings(registry.member("plots", name))
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in known:
            raise spelled.unknown(f"--{key}", f"setting of {name}", key, known)
    return functools.partial(made, **given), name


def _file(output: Path | None, folder: Path | None, spec: str, chosen: list[str]) -> Path:
    """Where the figure goes; settings and choices show in the name, so that they replace no other figure."""
    import re

    from gradlab.plots._style import SILENT
    from gradlab.runs.files import below
    from gradlab.spelled import unknown

    if output is not None:
        if output.suffix.lower().removeprefix(".") not in SILENT:
            raise unknown("-o", "format", output.suffix.removeprefix("."), SILENT)
        return output
    words = re.sub(r"[^A-Za-z0-9=.,_]+", "-", "-".join([spec, *chosen])).strip("-")
    name = f"{words[:120]}.svg"
    return Path(name) if folder is None else below(_home(folder), "figures") / name


def _home(folder: Path) -> Path:
    return folder.parent if folder.name == "run.json" else folder


def _read(folder: Path | None, name: str) -> "Run | TrainingRun | None":
    """The run, if it is of the command that the plot reads and holds what the plot needs."""
    from gradlab import registry
    from gradlab.errors import Exit, GradlabError
    from gradlab.runs import contents, files
    from gradlab.studies import base

    if folder is None or registry.home("plots", name).READS == "":
        return None
    if files.unfinished(_home(folder)):
        what = "holds no finished point; repeat the command that began it"
        raise GradlabError(str(folder), what, Exit.INCONCLUSIVE)
    from gradlab.plots import _default

    came = contents.command(folder)
    _default.require_study(name, came, "KIND", str(folder))
    found: Run | TrainingRun = base.read(folder)
    if found.about.get("points", 1) <= found.about.get("failed", 0):
        what = "no point of this run has finished; failures.jsonl says why"
        raise GradlabError(str(folder), what, Exit.INCONCLUSIVE)
    _default.require_measured(name, found, "KIND", "--probe {}")
    return found


def _show(figure: "Figure") -> None:
    """The figure as characters on stdout."""
    from gradlab.cli import _terminal
    from gradlab.plots._style import style
    from gradlab.plots._terminal import render

    colored, width = _terminal.color(), max(_terminal.width(), 40)
    with style():
        drawn = render(figure, width, unicode=_terminal.unicode(), color=colored)
    _output.say(drawn)

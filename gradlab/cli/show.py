"""`gradlab show`: print a run again, or what one that is not finished has measured so far."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradlab.cli import _options, _output


def command(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as results/NAME.")],
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="Only this column of a probe, and all of it that tables hold."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Keep only this, such as T=50 or cell=lstm; may be given again."),
    ] = None,
    as_json: _options.AsJson = False,
) -> int:
    """Print the table of a run, also of one that still runs; needs neither jax nor a second of computing."""
    from gradlab.cli import _terminal
    from gradlab.errors import GradlabError
    from gradlab.runs import contents, files
    from gradlab.studies import base

    if column and as_json:
        raise GradlabError("--column", "and --json exclude each other: the document has all columns")
    found = _so_far(run) if files.unfinished(contents.home(run)) else base.read(run)
    if where:
        found = _kept(found, where)
    if column:
        _output.say(_columns(found, column))
    elif as_json:
        _output.say_json(_terminal.document(found, exit_code=0, run_dir=str(run)), 1)
    else:
        _output.say_table(found)
    return 0


def _so_far(folder: Path) -> Any:
    """What a run that is not finished has measured, said to be no more than that."""
    from gradlab.report import sources

    source = sources.read(folder)
    done, failed, of = source.progress
    _output.note(f"{folder} is not finished: {done} of {of} points" + f", {failed} failed" * bool(failed))
    return source.run


def _kept(run: Any, where: list[str]) -> Any:
    """The run with only what `where` names left on its grid."""
    from gradlab.cli import _where
    from gradlab.errors import GradlabError
    from gradlab.studies import base

    if base.tables_of(run) not in _where.GRIDS:
        raise GradlabError("--where", "is of a sweep or a comparison; this run has no grid")
    # The general plot draws, as a table prints, any part of any axis.
    return _where.chosen(run, "metrics", where)


def _columns(run: Any, names: list[str]) -> Any:
    """The table of those columns of a sweep's probes."""
    from gradlab.cli import _terminal
    from gradlab.errors import GradlabError
    from gradlab.studies.sweep import probed
    from gradlab.studies.sweep.results import Run

    if not isinstance(run, Run):
        raise GradlabError("--column", "is of a sweep; other runs measure no further probes")
    return probed.render(run, _terminal.width(), color=_terminal.color(), names=names)

"""`gradlab report`: one HTML file, and the same in Markdown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab import schemas
from gradlab.cli import _options, _output

if TYPE_CHECKING:
    from gradlab.report.page import Written


def command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, such as results/NAME.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Where to write; RUN/report.html, or report.html here for several."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Heading; the runs' names if left out.")
    ] = None,
    as_json: _options.AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes on stderr.")] = False,
) -> int:
    """Write a report of one run, or of several side by side: an HTML file, and Markdown with its pictures.

    The HTML file opens from disk and needs no network; scripts only add to it.
    """
    from gradlab.report import page, sources, writing

    found = [sources.read(run) for run in runs]
    place = writing.place(found, out)
    report = page.compose(found, title)
    made = page.render(report, f"{place.stem}_files")
    files = writing.write(place, made)
    _say(made, files, [part.verdict for part in report.parts], as_json, quiet)
    return 0


def _say(made: "Written", files: list[Path], verdicts: list[str], as_json: bool, quiet: bool) -> None:
    if as_json:
        data = {"files": [str(file) for file in files], "verdicts": verdicts, "notes": made.notes}
        head = {"schema": schemas.newest("report"), "status": "complete", "exit_code": 0}
        _output.say_json(head | {"data": data})
        return
    _output.say(f"{files[0]}\n{files[1]}")
    if not quiet:
        for note in made.notes:
            _output.note(note)

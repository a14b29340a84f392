"""`gradlab export`: a finished run in another program's format."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab import schemas
from gradlab.cli import _options, _output


def command(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as results/NAME.")],
    to: Annotated[str, typer.Option("--to", help="Format; `gradlab list exports` explains each.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, or a folder; - is stdout.")
    ] = None,
    as_json: _options.AsJson = False,
) -> int:
    """Write a run as csv, parquet, netcdf, openmetrics, github-benchmark or tensorboard.

    Without -o the file goes into the run's folder, below exports/. No file of the run is changed.
    """
    from gradlab import registry
    from gradlab.errors import GradlabError
    from gradlab.runs.files import replace, storage
    from gradlab.studies import base

    if as_json and str(output) == "-":
        raise GradlabError("--json", "and -o - exclude each other; give one")
    name = to.replace("-", "_")
    made = registry.member("exports", name)
    content = made(base.read(run, "sweep"))
    if output is not None and str(output) == "-":
        _output.say_bytes(content)
        return 0
    path = _place(run, registry.home("exports", name).FILE, output)
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, content)
    _say(path, to, len(content), as_json)
    return 0


def _place(run: Path, name: str, output: Path | None) -> Path:
    """Where the file goes."""
    from gradlab.runs.files import below

    if output is None:
        return below(run.parent if run.name == "run.json" else run, "exports") / name
    return output / name if output.is_dir() else output


def _say(path: Path, to: str, size: int, as_json: bool) -> None:
    if as_json:
        data = {"file": str(path), "format": to, "bytes": size}
        _output.say_json({"schema": schemas.newest("export"), "status": "ok", "exit_code": 0, "data": data})
    else:
        _output.say(str(path))

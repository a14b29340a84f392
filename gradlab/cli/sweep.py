"""`gradlab sweep`: measure a grid of networks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradlab.cli import _settings
from gradlab.studies.sweep.settings import Sweep


@_settings.options(Sweep)
def command(
    given: dict[str, Any],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; a hash of the settings if left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")] = Path("results"),
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over, in place of what gradlab has there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
) -> int:
    """Measure where gradients vanish and explode, over cell x initialiser x w_rec x T x seed.

    Prints one row per (cell, w_rec) at the longest T, and writes run.json, metrics.csv, norms.nc and figures.
    """
    from gradlab import runtime, specs
    from gradlab.cli import _run

    runtime.configure(device)
    runtime.require_device(device)
    asked = specs.made(Sweep, specs.OPTIONS, given)
    return _run.command(asked, name, out, force=force, as_json=as_json, quiet=quiet, dry_run=dry_run)

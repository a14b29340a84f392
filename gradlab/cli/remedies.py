"""`gradlab remedies`: train the remedies on one task at equal budget, and say which one works."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gradlab.cli import _settings
from gradlab.studies.remedies.settings import PRESETS, Training


@_settings.options(Training, PRESETS["quick"])
def command(
    given: dict[str, Any],
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes: the main remedies, a small budget; the default.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Hours: every remedy, a large budget.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; a hash of the settings if left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")] = Path("results"),
    force: Annotated[
        bool, typer.Option("--force", help="Start over, in place of what gradlab has there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
) -> int:
    """Train every arm on TASK at equal budget and print who solves it, and what it did to the gradient."""
    from gradlab import runtime, specs
    from gradlab.cli import _run
    from gradlab.errors import GradlabError

    runtime.configure()
    if quick and full:
        raise GradlabError("--quick", "and --full exclude each other; give one")
    asked = specs.made(Training, specs.OPTIONS, given, PRESETS["full" if full else "quick"])
    return _run.command(asked, name, out, force=force, as_json=as_json, quiet=quiet, dry_run=dry_run)

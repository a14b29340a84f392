"""`gradlab show`: print a finished run again."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli import _options, _output


def command(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as results/NAME.")],
    as_json: _options.AsJson = False,
) -> int:
    """Print the table of a finished run; needs neither jax nor a second of computing."""
    from gradlab.cli import _terminal
    from gradlab.studies import base

    found = base.read(run)
    if as_json:
        _output.say_json(_terminal.document(found, exit_code=0, run_dir=str(run)), 1)
    else:
        _output.say_table(found)
    return 0

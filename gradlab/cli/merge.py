"""`gradlab merge`: the shares of a run that several machines have computed, put together."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli import _options


def command(
    shares: Annotated[list[Path], typer.Argument(help="The folders that --shard has written, in any order.")],
    own: Annotated[
        list[str] | None,
        typer.Option("--with", help="Code or a file of yours that the shares name; may be given again."),
    ] = None,
    name: _options.Name = None,
    out: _options.Out = Path("results"),
    device: _options.Device = "auto",
    as_json: _options.AsJson = False,
    quiet: _options.Quiet = False,
    force: _options.Force = False,
    mixed: _options.Mixed = False,
) -> int:
    """Put the shares of a run together, in a folder of its own.

    It is the run that one machine would have made, byte for byte; shares that do not fit are refused with
    what differs, and one that is missing is named. The shares stay where they are.
    """
    from gradlab import merging, runtime
    from gradlab.cli import _run
    from gradlab.cli._progress import ProgressBar
    from gradlab.planning.progress import Silent
    from gradlab.runs import store

    runtime.configure(device)
    runtime.require_device(device)
    listening = Silent if quiet else ProgressBar
    settings = store.begun(shares[0])
    folder = store.folder_of(out, store.name_of(settings.get("settings", {})) if name is None else name)
    done = merging.merge(shares, folder, own=own or (), mixed=mixed, force=force, listening=listening)
    _run.say_notes(done, quiet)
    _run.show(done, folder, as_json=as_json, quiet=quiet)
    return int(done.code)

"""Options that several commands have: flag and help stand here once."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")]
Force = Annotated[bool, typer.Option("--force", help="Start over, in place of what gradlab has there.")]
Log = Annotated[
    str | None,
    typer.Option(
        "--log",
        help="tensorboard, mlflow or wandb-offline, each with an extra: tell it of the run, in OUT/logs. "
        "Nothing is sent.",
    ),
]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the run; a hash of the settings if left out.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")]
Engine = Annotated[
    str, typer.Option("--engine", help="local, or dask: workers compute groups of points (extra: cluster).")
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="Of dask, tls://HOST:8786; workers of this machine if left out."),
]
Workers = Annotated[
    str | None, typer.Option("--workers", help="Of a cluster of this machine; one per core if left out.")
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure-cluster",
        help="Take a scheduler at tcp:// elsewhere: whoever reaches it can run anything.",
    ),
]
Mixed = Annotated[
    bool,
    typer.Option("--mixed", help="Take machines that differ; every table of the run says so."),
]
Shard = Annotated[
    str | None, typer.Option("--shard", help="Compute share i of n alone, as 2/3, for gradlab merge.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]

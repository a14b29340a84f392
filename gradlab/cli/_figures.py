"""The figures that a command draws without being asked."""

from pathlib import Path
from typing import Any


def fitting(run: Any, command: str) -> list[str]:
    """The plots drawn by default whose measurements the run of `command` holds."""
    from gradlab import registry

    homes = {kind: registry.home("plots", kind) for kind in registry.names("plots")}
    held = set(run.norms.data_vars)
    return [
        kind
        for kind, home in homes.items()
        if command == home.READS and getattr(home, "BY_DEFAULT", True) and set(home.NEEDS) <= held
    ]


def draw(run: Any, folder: Path, command: str) -> None:
    """Each of them with its default settings, as SVG and PNG."""
    from gradlab import registry
    from gradlab.plots._style import save
    from gradlab.runs.files import below

    for kind in fitting(run, command):
        save(registry.member("plots", kind)(run), below(folder, "figures"), kind)


def finish(run: Any, folder: Path, command: str) -> None:
    """Draw what a cut left undrawn; figures that are all there stay as they are."""
    if any(not (folder / "figures" / f"{kind}.png").exists() for kind in fitting(run, command)):
        draw(run, folder, command)

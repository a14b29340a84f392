"""What `--dry-run` prints, on stdout: the same lines for every command."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab import schemas
from gradlab.cli import _output

if TYPE_CHECKING:
    from gradlab.planning.plan import Plan


def say(planned: "Plan", lines: Mapping[str, str], folder: Path | None, as_json: bool) -> None:
    """The command's own lines, time and memory, where the results would be, and what is to be noted."""
    from gradlab import memory, runtime
    from gradlab.errors import size

    if as_json:
        place = {"run_dir": None if folder is None else str(folder)}
        head = {"schema": schemas.newest("plan"), "status": "planned", "exit_code": 0}
        _output.say_json(head | {"data": planned.document() | place})
        return
    said = dict(lines) | {
        "time": planned.time(),
        "memory": f"about {size(planned.bytes)} of {size(memory.available_bytes())} available",
    }
    card = runtime.card_bytes()
    if card is not None:
        said["card"] = f"about {size(planned.on_card)} of {size(card)} available on it"
    if folder is not None:
        said["folder"] = str(folder)
    for name, text in said.items():
        _output.say(f"{name:<8} {text}")
    for note in planned.notes:
        _output.say(f"{'note':<8} {note}")


def grid(axes: Mapping[str, int]) -> str:
    """The axes of a grid and how long they are."""
    return " x ".join(f"{name} {count}" for name, count in axes.items())

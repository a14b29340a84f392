"""What the terminal can show."""

import os
import shutil
import sys
from typing import Any


def width() -> int:
    """Columns of the terminal; of a pipe, `COLUMNS` or 80."""
    return shutil.get_terminal_size((80, 24)).columns


def unicode() -> bool:
    """Whether stdout can say more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def color() -> bool:
    """Whether to colour: a terminal that can, and nobody asked not to."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def document(run: Any, **extra: Any) -> dict[str, Any]:
    """The table of a run as one JSON document."""
    from gradlab.runs import manifest
    from gradlab.studies import base

    mixed = manifest.of_mixed(run.about)
    return base.of_run(run).document(run) | ({"mixed": mixed} if mixed else {}) | extra

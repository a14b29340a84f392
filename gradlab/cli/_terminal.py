"""What the terminal can show."""

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.studies.remedies.results import Trained
    from gradlab.studies.sweep.results import Run


def width() -> int:
    """Columns of the terminal; of a pipe, `COLUMNS` or 80."""
    return shutil.get_terminal_size((80, 24)).columns


def unicode() -> bool:
    """Whether stdout can say more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def color() -> bool:
    """Whether to colour: a terminal that can, and nobody asked not to."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def show(run: "Run") -> None:
    """Print the table of a run on stdout."""
    from gradlab.cli import _output
    from gradlab.cli._table import render

    _output.say(render(run, width(), unicode=unicode(), color=color()))


def show_remedies(run: "Trained") -> None:
    """Print the table of a comparison on stdout."""
    from gradlab.cli import _output
    from gradlab.cli._remedies import render

    _output.say(render(run, width(), color=color()))


def remedies_document(run: "Trained", **extra: Any) -> dict[str, Any]:
    """The table of a comparison as one JSON document: numbers are finite or null."""
    import math

    from gradlab.studies.remedies.rows import forecast
    from gradlab.studies.remedies.sentences import judged, sentences

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            fields = getattr(value, "_fields", None)
            return dict(zip(fields, map(plain, value), strict=True)) if fields else [plain(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    rows = run.outcomes()
    found = forecast(rows)
    data = [
        plain(row) | {"sentence": said, "reach": plain(float(reach))}
        for row, said, reach in zip(rows, sentences(rows), found.predicted, strict=True)
    ]
    head = {
        "schema": "gradlab.remedies/1",
        "status": run.about["status"],
        "exit_code": 0,
        "verdict": judged(rows),
    }
    rank = {
        "spearman": plain(found.spearman),
        "low": plain(found.low),
        "high": plain(found.high),
        "level": plain(found.level),
        "points": found.points,
    }
    return head | {"forecast": rank, "data": data} | extra


def document(run: "Run", **extra: Any) -> dict[str, Any]:
    """The table of a run as one JSON document: numbers are finite or null."""
    import math

    from gradlab.studies.sweep import results

    rows = []
    for group in results.groups(run):
        row = {k: v for k, v in group._asdict().items() if k != "profile"}
        rows.append({k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()})
    head = {"schema": "gradlab.table/1", "status": run.about.get("status"), "data": rows}
    return head | extra

"""`gradlab diff`: what changed between two runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab import schemas
from gradlab.cli import _options, _output
from gradlab.escaping import plain

if TYPE_CHECKING:
    from gradlab.findings.differences import Difference


def command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run's folder: how it was.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="A run's folder: how it is.")],
    only_changed: Annotated[
        bool, typer.Option("--only-changed", help="Leave out what is within its limit.")
    ] = False,
    as_json: _options.AsJson = False,
) -> int:
    """Compare two runs: their settings, then every number, the largest change first.

    Networks with equal weights are compared seed by seed, others by intervals. Exits with 0 if all is within
    its limit, 1 if something changed, 4 if nothing could be compared.
    """
    from gradlab.findings.differences import differences
    from gradlab.studies import base

    found = differences(base.read(a, "sweep"), base.read(b, "sweep"))
    code = int(found.code)
    if only_changed:
        found = found._replace(rows=[row for row in found.rows if row.verdict != "same"])
    if as_json:
        _output.say_json(_document(found, code, a, b), 1)
    else:
        _show(found, a, b)
    return code


def _show(found: "Difference", a: Path, b: Path) -> None:
    from collections import Counter

    from gradlab.findings.differences import number

    for name, old, new in found.settings:
        _output.say(plain(f"{name}: {old} -> {new}"))
    if found.settings:
        _output.say()
    if found.rows:
        _output.say(f"{'verdict':<12}  {'x limit':>8}  {'A':>11}  {'B':>11}  what")
    for row in found.rows:
        times = "-" if row.mode is None else f"{row.times:.3g}"
        numbers = f"{times:>8}  {number(row.old):>11}  {number(row.new):>11}"
        _output.say(plain(f"{row.verdict:<12}  {numbers}  {row.what if row.mode else row.sentence}"))
    counts = Counter(row.verdict for row in found.rows)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "nothing has changed"
    _output.say(plain(f"{a} (A) and {b} (B): {said}"))


def _document(found: "Difference", code: int, a: Path, b: Path) -> dict[str, Any]:
    """One JSON document: numbers are finite or null."""
    import math

    rows = []
    for row in found.rows:
        values = row._asdict()
        for name in ("old", "new", "times"):
            values[name] = values[name] if math.isfinite(values[name]) else None
        rows.append(values)
    status = {0: "same", 1: "changed", 4: "inconclusive"}[code]
    head = {"schema": schemas.newest("diff"), "status": status, "exit_code": code, "a": str(a), "b": str(b)}
    settings = [setting._asdict() for setting in found.settings]
    return head | {"settings": settings, "data": rows}

"""A reading as the terminal shows it: the verdict, a row for each label, a histogram of the units."""

import math
import textwrap
from typing import Any

from rich.text import Text

from gradlab import schemas
from gradlab.escaping import plain
from gradlab.runs import manifest
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import BINS, CellRow, DetectorRow, cells, detectors
from gradlab.studies.neurons.sentences import judged, per_character, sentence

HEAD = (
    f"{'label':<18} {'unit':<6} {'score':>6} {'shifted':>7} {'before':>6} {'random':>6} {'half':>6} "
    f"{'inside':>7} {'outside':>7}"
)


def render(run: Reading, width: int, *, unicode: bool, color: bool) -> Text:
    """The table of a reading, 80 columns at the least."""
    text = Text(no_wrap=True, overflow="ignore", end="")
    dim, bold = ("dim", "bold") if color else ("", "")
    rows, every = detectors(run), cells(run)
    for cell in every:
        head = f"{cell.cell}, N = {cell.hidden}, {cell.parameters} parameters: "
        text.append(f"{head}{cell.bits:.3f} {per_character(cell)}\n", bold)
        text.append(HEAD + "\n", dim)
        mine = [row for row in rows if row.cell == cell.cell]
        for row in sorted(mine, key=lambda row: (not row.above, -abs(row.score))):
            text.append(_row(row) + "\n", ("green" if row.above else "") if color else "")
        for line in _histogram(cell, "█" if unicode else "#", "░" if unicode else "."):
            text.append(line + "\n")
        text.append("\n")
    for cell in every:
        for row in (row for row in rows if row.cell == cell.cell and row.above):
            where = f"{cell.cell}, " if len(every) > 1 else ""
            said = f"{where}{plain(row.label)}: {sentence(row)}."
            for line in textwrap.wrap(said, max(width, 40), subsequent_indent="  "):
                text.append(line + "\n")
    text.append("\n")
    for line in textwrap.wrap(plain(judged(every, rows)), max(width, 40)):
        text.append(line + "\n", bold)
    for line in _caption(run, every, width):
        text.append(line + "\n", dim)
    return text


def document(run: Reading) -> dict[str, Any]:
    """The table as one JSON document: numbers are finite or null."""
    rows, every = detectors(run), cells(run)
    head = {"schema": schemas.newest("neurons"), "status": run.about["status"], "exit_code": 0}
    data = [
        {name: _plain(value) for name, value in row._asdict().items()} | {"sentence": sentence(row)}
        for row in rows
    ]
    # Where weights come from stands in the settings of the run.
    fields = [name for name in CellRow._fields if name != "is_given"]
    each = [{name: _plain(getattr(one, name)) for name in fields} for one in every]
    return head | {"verdict": judged(every, rows), "source": run.about["source"], "cells": each, "data": data}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(row: DetectorRow) -> str:
    label = plain(row.label)
    name = label if len(label) <= 18 else f"{label[:15]}..."
    mark = "*" if row.above else " "
    return (
        f"{name:<18} {row.unit:<6} {row.score:>+5.2f}{mark} {row.shifted:>7.2f} {row.untrained:>6.2f} "
        f"{row.random:>6.2f} {_steps(row.half_life):>6} {_bits(row.inside):>7} {_bits(row.outside):>7}"
    )


def _steps(value: float) -> str:
    return "-" if math.isnan(value) else ">999" if value > 999 else f"{value:.3g}"


def _bits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.3f}"


def _histogram(cell: CellRow, read: str, unread: str) -> list[str]:
    """Units of the memory by |score| of their own label."""
    total = sum(count for count, _ in cell.histogram)
    said = f"{cell.unread:.0%} of the {total} units of {cell.memory} are above their controls for no label:"
    lines = [said]
    widest = max(1, *(count for count, _ in cell.histogram))
    for i, (count, above) in enumerate(cell.histogram):
        scale = min(1.0, 50 / widest)
        bar = read * round(above * scale) + unread * (round(count * scale) - round(above * scale))
        lines.append(f"  |score| {i / BINS:.1f} to {(i + 1) / BINS:.1f} {count:>4} {bar}".rstrip())
    return lines


def _caption(run: Reading, every: list[CellRow], width: int) -> list[str]:
    plan, shown = run.about["plan"], run.about["shown"]
    beyond = ", ".join(
        f"{one.cell} {'beyond ' + str(one.lags) if math.isnan(one.reach) else format(one.reach, '.0f')}"
        for one in every
    )
    trained = f"{plan['train']} characters trained on, {plan['updates']} updates, "
    trained += f"{shown['scored']} held-out characters scored"
    among = ", this one before among them"
    if every[0].is_given:
        trained = f"{shown['scored']} characters scored, weights of {run.about['settings']['weights']}"
        among = ""
    said = (
        f"{run.about['source']}: {trained}. score: 2 AUC - 1, or rank correlation for counts; * "
        "above all three controls, in either half of the text too. shifted: what the best unit exceeds "
        "at 5 % of the shifts of the label round the text. before: the best unit of three networks that were "
        f"not trained{among}. random: the best of as many random directions. "
        "half: steps in which the carry gate halves the unit, median. inside, outside: change of bits per "
        "character with the unit's state (that of a gate's unit, too) held at its mean. "
        f"Characters back until a prediction's gradient has fallen by 10^3: {beyond}."
    )
    notes = [said, *map(plain, manifest.of_code(run.about))]
    return ["", *(line for note in notes for line in textwrap.wrap(plain(note), max(width, 40)))]

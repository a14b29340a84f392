"""What a reading says, made from the numbers of its rows: of the networks at hand, one of each cell."""

import math
from collections.abc import Sequence

from gradlab.stats import LEVEL, percent
from gradlab.studies.neurons.rows import CellRow, DetectorRow

NAMED = 4
"""Of a longer list the rest is counted."""


def judged(cells: Sequence[CellRow], rows: Sequence[DetectorRow]) -> str:
    """One sentence about each cell, and one that sets them side by side if there are several."""
    said = [_cell(one, [row for row in rows if row.cell == one.cell]) for one in cells]
    if len(cells) > 1:
        order = sorted(cells, key=lambda one: one.bits)
        listed = ", ".join(f"{one.cell} {one.bits:.3f}" for one in order)
        said.append(f"Bits per character, fewest first: {listed}; one network of each, so no more is said.")
    return " ".join(said)


def _cell(cell: CellRow, rows: Sequence[DetectorRow]) -> str:
    above = sorted((row for row in rows if row.above), key=lambda row: -abs(row.score))
    before = "of a network like it, not trained" if cell.is_given else "before training"
    bits = f"{cell.bits:.3f} {per_character(cell)} ({cell.untrained_bits:.3f} {before})"
    if not above:
        return f"{cell.cell}: {bits}; no unit is above its controls for any of {len(rows)} labels."
    names = [f"{row.label} ({row.unit}, {abs(row.score):.2f})" for row in above]
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{cell.cell}: {bits}; units above all controls for {len(above)} of {len(rows)} labels: {listed}."


def per_character(cell: CellRow) -> str:
    """What bits are of."""
    return "bits per character" if cell.is_given else "bits per character held out"


def sentence(row: DetectorRow) -> str:
    """One label in words."""
    best = max(
        ("shifted label", row.shifted),
        ("untrained units", row.untrained),
        ("random directions", row.random),
        key=lambda pair: pair[1],
    )
    side = "above all three controls" if row.above else _why_not(row)
    parts = [f"best unit {row.unit}, |score| {abs(row.score):.3f}, {side} (highest: {best[0]} {best[1]:.3f})"]
    if row.many > 1:
        parts.append(f"{row.many} units are above them")
    parts += _memory(row)
    if row.above:
        parts += _use(row)
    return "; ".join(parts)


def _why_not(row: DetectorRow) -> str:
    """What of the conditions fails first."""
    bound = max(row.shifted, row.untrained, row.random)
    if abs(row.score) <= bound:
        return "not above all three controls"
    return "not above all three controls in either half of the text"


def _memory(row: DetectorRow) -> list[str]:
    found = []
    if not math.isnan(row.half_life):
        half = "not to the end of the text" if math.isinf(row.half_life) else f"in {_steps(row.half_life)}"
        found.append(f"its carry gate halves it {half}")
    if not math.isnan(row.transport):
        far = "not within 100 steps" if math.isinf(row.transport) else f"after {_steps(row.transport)}"
        found.append(f"the gradient through it has halved {far}")
    return found


def _steps(count: float) -> str:
    return f"{count:g} step{'s' * (count != 1)}"


def _use(row: DetectorRow) -> list[str]:
    """What the network loses without it."""
    if math.isnan(row.inside_low):
        return ["too little of the label to say whether the network uses it"]
    known = f"{percent(LEVEL)} interval {row.inside_low:+.3f} to {row.inside_high:+.3f}"
    cost = f"{row.inside:+.3f} bits per character inside ({known}), {row.outside:+.3f} outside"
    if row.used == "used":
        return [f"held at its mean it costs {cost}"]
    return [f"that the network uses it is not shown: held at its mean it costs {cost}"]

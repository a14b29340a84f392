"""The best unit of each label beside its three controls."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gradlab.plots import _colors, _fitting, _style
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import DetectorRow, cells
from gradlab.studies.neurons.rows import detectors as rows_of

READS = "neurons"
NEEDS: tuple[str, ...] = ()
CONTROLS = {
    "shifted": ("|", "label shifted"),
    "untrained": ("s", "not trained"),
    "random": ("d", "random directions"),
}


def detectors(run: Reading) -> Figure:
    """|score| of the best unit of each label, a panel per cell; filled where it is above all its controls."""
    every, rows = cells(run), rows_of(run)
    colors = _colors.cell_colors([one.cell for one in every])
    with _style.style():
        count = max(1, len(rows) // max(1, len(every)))
        figure, axes = _style.panels(len(every), height=0.9 + 0.22 * count)
        for panel, one in zip(axes, every, strict=True):
            panel.set_title(f"{one.cell}, N = {one.hidden}", color=colors[one.cell])
            _panel(panel, [row for row in rows if row.cell == one.cell], colors[one.cell])
        _style.label(axes, "|2 AUC - 1|, or |rank correlation| of a count", "")
        looks = [
            Line2D([], [], color=_style.LINEAR, marker=marker, linestyle="", fillstyle="none", label=said)
            for marker, said in CONTROLS.values()
        ]
        looks.append(
            Line2D([], [], color=_style.LINEAR, marker="o", linestyle="", label="best unit, above all")
        )
        _fitting.legend(figure, looks, 4)
    return figure


def _panel(panel: Axes, rows: list[DetectorRow], color: str) -> None:
    ordered = sorted(rows, key=lambda row: (row.above, abs(row.score)))
    place = np.arange(len(ordered))
    for name, (marker, _) in CONTROLS.items():
        values = [getattr(row, name) for row in ordered]
        panel.plot(values, place, marker, color=_style.LINEAR, fillstyle="none", markersize=4)
    for y, row in zip(place, ordered, strict=True):
        fill = "full" if row.above else "none"
        panel.plot([abs(row.score)], [y], "o", color=color, fillstyle=fill, markersize=6)
    names = _style.ticks([f"{row.label} ({row.unit})" for row in ordered])
    panel.set_yticks(place, names)
    panel.set_xlim(0, 1.02)


def sentence(run: Reading) -> str:
    """How many labels have a unit above all controls, by cell."""
    rows = rows_of(run)
    said = []
    for one in cells(run):
        mine = [row for row in rows if row.cell == one.cell]
        said.append(f"{one.cell}: {sum(row.above for row in mine)} of {len(mine)} labels")
    return f"Labels that some unit follows above all three controls, {'; '.join(said)}."

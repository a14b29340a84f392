"""Gate saturation, unit by unit: how often shut, how often wide open."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("time_left_saturated", "time_right_saturated")
"""Variables that must have been measured."""
PICKS = ("gate", "unit")
"""Axes of its columns of which it can draw a part."""

MARKERS = "os^DvPX*"
"""With the colour, a second sign of each gate."""
NOTHING = 0.01
"""A share of steps that is as good as none."""
DOTS = 400
"""Units drawn at most for each gate of a panel."""


def gates(run: Run, *, w_rec: float = 0.9) -> Figure:
    """Share of steps that each unit's gate is right-saturated against left-saturated, one panel per cell.

    A dot is a unit of a seed: at the right it is mostly shut, at the top mostly open, on the diagonal a
    switch that is always one or the other, at the origin never either. For the measured w_rec nearest to the
    one asked for and the longest T. Raises `GradlabError` if the run holds no gates.

    Reference: Karpathy, Johnson, Fei-Fei 2015, Visualizing and understanding recurrent networks.
    """
    norms = run.norms
    if "time_left_saturated" not in norms:
        raise GradlabError("plot", "this run holds no gates; measure it with the probe gates")
    T, at = int(norms["T"].values.max()), int(np.abs(norms["w_rec"].values - w_rec).argmin())
    found = norms.isel(w_rec=at).sel(T=T)
    order = ("cell", "init", "gate", "seed", "unit")
    left, right = (found[f"time_{side}_saturated"].transpose(*order).values for side in ("left", "right"))
    half_life = found["retention_half_life"].transpose("cell", "init", "seed", "unit").values
    names = [str(name) for name in norms["gate"].values] if "gate" in norms.coords else [""] * left.shape[2]
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.3)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(f"{title}\n{_caption(half_life[c, k])}", color=colors[cells[c]])
            _dots(panel, left[c, k], right[c, k])
        _style.label(axes, "share of steps shut (< 0.1)", "share of steps open (> 0.9)")
        figure.suptitle(f"Gates: {_words.gain(norms, at)}T = {T}, {_words.counted(norms)}, one dot per unit")
        drawn = [g for g in range(len(names)) if not np.isnan(left[:, :, g]).all()]
        if drawn:
            handles = [_handle(g, names[g]) for g in drawn]
            _fitting.legend(figure, handles, min(len(handles), 8))
    return figure


def _dots(panel: Axes, left: NDArray[np.float64], right: NDArray[np.float64]) -> None:
    panel.set_xlim(-0.03, 1.03)
    panel.set_ylim(-0.03, 1.03)
    if np.isnan(left).all():
        _style.note(panel, "nothing to draw:\nno gates, or the forward\npass is not finite")
        return
    panel.plot([0, 1], [1, 0], color=_style.LINEAR, linestyle=(0, (4, 3)), linewidth=0.7)
    drawn: list[NDArray[np.float64]] = []
    for g in range(len(left)):
        x, y = left[g].ravel(), right[g].ravel()
        some = np.flatnonzero(~np.isnan(x))
        some = some[_style.thin(len(some) - 1, DOTS)]
        look: dict[str, Any] = {
            "color": _colors.CELLS[g % len(_colors.CELLS)],
            "marker": MARKERS[g % len(MARKERS)],
        }
        drawn.append(np.concatenate([x[some], y[some]]))
        panel.scatter(x[some], y[some], s=9, alpha=0.55, linewidths=0, clip_on=False, **look)
    if max((float(some.max()) for some in drawn if len(some)), default=0.0) < NOTHING:
        words = "no gate is shut or open\nfor one step in a hundred"
        _style.note(panel, words)


def _caption(half_life: NDArray[np.float64]) -> str:
    """The middle half-life of the memory, over units and seeds."""
    known = half_life[~np.isnan(half_life)]
    return (
        f"half-life of the memory:\n{np.median(known):.3g} steps (median)" if len(known) else "no memory gate"
    )


def _handle(gate: int, name: str) -> Line2D:
    color, marker = _colors.CELLS[gate % len(_colors.CELLS)], MARKERS[gate % len(MARKERS)]
    return Line2D([], [], color=color, marker=marker, linestyle="none", markersize=4, label=name)

"""Horizons against w_rec: how far back the gradient reaches, one panel per horizon, one curve per cell."""

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.metrics import every
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.states import FORWARD_NONFINITE, UNDEFINED
from gradlab.studies.sweep.results import Run, grid

READS = "sweep"
NEEDS = ("transport",)
MARKERS = ".s^DvPX*"
"""The second sign of cells whose colours are equal."""
DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), "-.")
"""One a initialiser."""
OVER = ("w_rec",)
"""It shows how something changes along one of these: without two places on one it is not drawn unasked."""


def horizon(run: Run) -> Figure:
    """Half-life, soft and credit horizon against w_rec at the longest T: the median over seeds, with bands.

    And all further metrics that are counted in steps.

    A band goes from the least to the greatest seed. A median that is not reached within the sequence is an
    open triangle on the line of T. Grey: the linear law, decades / -log10 |w_rec|.
    """
    norms = run.norms
    T, w_rec = int(norms["T"].values.max()), norms["w_rec"].values.astype(np.float64)
    at, order = int(norms["T"].values.argmax()), np.argsort(w_rec)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    looks = {c: (colors[c], MARKERS[k % len(MARKERS)]) for c, k in _colors.repeats(colors).items()}
    with _style.style():
        horizons = [metric for metric in every() if metric.panel_title]
        figure, axes = _style.panels(len(horizons), height=2.4)
        for panel, metric in zip(axes, horizons, strict=True):
            found = grid(run.metrics, norms, metric.name)
            reached = np.where(found.state == UNDEFINED, np.inf, found.value)
            reached = np.where(found.state == FORWARD_NONFINITE, np.nan, reached)[:, :, order, at]
            panel.set_title(metric.panel_title)
            panel.axhline(np.log10(T), color=_style.LINEAR, linewidth=0.7)
            if metric.decades is not None:
                _law(panel, np.sort(w_rec), metric.decades)
            drawn = [
                _curve(panel, np.sort(w_rec), reached[c, i], looks[cell], DASHES[i % len(DASHES)])
                for (c, cell), (i, _) in itertools.product(enumerate(cells), enumerate(inits))
            ]
            if not any(drawn):
                _style.note(panel, "nothing to draw:\nno horizon is defined")
            _style.log_limits(panel, np.array([0.0, np.log10(max(T, 10))]))
        _style.label(axes, "w_rec", "steps")
        title = (
            f"Horizons at T = {T}, median over {_words.counted(norms)} (band: all {_words.repeats(norms)})"
        )
        figure.suptitle(title + _style.alone(norms))
        handles = _legend(looks, inits)
        _fitting.legend(figure, handles, min(len(handles), 4))
    return figure


def _law(panel: Axes, w_rec: NDArray[np.float64], decades: float) -> None:
    fine = np.linspace(w_rec[0], w_rec[-1], _style.POINTS)
    fine = fine[(np.abs(fine) < 1) & (fine != 0)]
    if len(fine):
        steps = np.log10(decades / -np.log10(np.abs(fine)))
        panel.plot(fine, steps, color=_style.LINEAR, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1.5)


def _curve(
    panel: Axes, x: NDArray[np.float64], reached: NDArray[np.float64], look: tuple[str, str], dashes: Any
) -> bool:
    """One cell: `reached` is `(w_rec, seed)`, infinite beyond T; whether there was anything to draw."""
    known = ~np.isnan(reached).all(axis=1)
    if not known.any():
        return False
    color, mark = look
    x, reached = x[known], np.maximum(reached[known], 1.0)
    top = panel.lines[0].get_ydata()[0]  # type: ignore[index]
    with np.errstate(invalid="ignore"):
        logs = np.log10(reached)
    middle = np.array([np.median(row[~np.isnan(row)]) for row in logs])
    low, high = np.fmin.reduce(logs, axis=1), np.fmax.reduce(logs, axis=1)
    panel.fill_between(x, np.minimum(low, top), np.minimum(high, top), color=color, alpha=0.15, linewidth=0)
    inside = np.isfinite(middle)
    panel.plot(x, np.where(inside, middle, np.nan), color=color, linestyle=dashes, marker=mark, markersize=4)
    beyond: dict[str, Any] = {"marker": "^", "markerfacecolor": "white", "linestyle": "none", "markersize": 5}
    # Without clipping, an empty line would have the layout make room for a point at (0, 0).
    if not inside.all():
        panel.plot(x[~inside], np.full((~inside).sum(), top), color=color, clip_on=False, zorder=5, **beyond)
    return True


def _legend(looks: dict[str, tuple[str, str]], inits: list[str]) -> list[Line2D]:
    grey: dict[str, Any] = {"color": _style.LINEAR}
    handles = [Line2D([], [], color=color, marker=mark, label=cell) for cell, (color, mark) in looks.items()]
    if len(inits) > 1:
        handles += [
            Line2D([], [], linestyle=DASHES[i % len(DASHES)], label=init, **grey)
            for i, init in enumerate(inits)
        ]
    handles.append(
        Line2D([], [], marker="^", markerfacecolor="white", linestyle="none", label="not within T", **grey)
    )
    return [*handles, Line2D([], [], linestyle=(0, (4, 3)), linewidth=0.9, label="linear law", **grey)]

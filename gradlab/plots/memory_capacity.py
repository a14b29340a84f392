"""Short-term memory capacity over w_rec, or what is remembered of each delay."""

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
NEEDS = ("memory_capacity", "memory_function")
"""Variables that must have been measured."""


def memory_capacity(run: Run) -> Figure:
    """Memory capacity against w_rec at the longest T, mean and range over seeds, one panel per cell.

    In a run of one w_rec, r^2 against the delay; its sum is the capacity. The most that is possible is N,
    the dashed line. Raises `GradlabError` if the run holds none.
    """
    norms = run.norms
    if "memory_capacity" not in norms:
        raise GradlabError("plot", "this run holds no memory; measure it with the probe memory_capacity")
    T, w_rec = int(norms["T"].values.max()), norms["w_rec"].values.astype(np.float64)
    last = norms.sel(T=T)
    over = len(w_rec) > 1
    shown = last["memory_capacity"] if over else last["memory_function"].isel(w_rec=0)
    values = shown.transpose("cell", "init", "seed", "w_rec" if over else "delay").values
    x = w_rec if over else np.arange(values.shape[-1], dtype=np.float64)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.0)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            whole = last["memory_capacity"].isel(cell=c, init=k).values
            panel.set_title(f"{title}\n{_capacity(whole)}", color=colors[cells[c]])
            _curve(panel, x, values[c, k], colors[cells[c]])
        units = norms.attrs.get("hidden")
        if over and units:
            for panel in axes:
                panel.axhline(float(units), color=_style.LINEAR, linestyle=(0, (4, 3)), linewidth=0.9)
        _style.x_limits(axes[0], x)
        _style.label(axes, "w_rec" if over else "delay", "capacity" if over else "r² of the recalled input")
        alone = "" if over else _words.gain(norms)
        figure.suptitle(f"Memory capacity: {alone}T = {T}, {_words.counted(norms)}")
        _fitting.legend(figure, _legend(over and bool(units), _words.repeats(norms)), 2)
    return figure


def _curve(panel: Axes, x: NDArray[np.float64], values: NDArray[np.float64], color: str) -> None:
    order = np.argsort(x)
    known = order[~np.isnan(values[:, order]).all(axis=0)]
    if not len(known):
        _style.note(panel, "nothing to draw:\nthe sequence is too short,\nor nothing comes in")
        return
    some = values[:, known]
    panel.plot(x[known], np.nanmean(some, axis=0), "o-", color=color, markersize=3, linewidth=1.2)
    panel.fill_between(
        x[known], np.fmin.reduce(some), np.fmax.reduce(some), color=color, alpha=0.15, linewidth=0
    )


def _capacity(values: NDArray[np.float64]) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "capacity unknown"
    low, high = float(known.min()), float(known.max())
    return f"capacity {low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"capacity {low:.3g} to {high:.3g}"


def _legend(limit: bool, repeats: str) -> list[Line2D]:
    line: dict[str, Any] = {"color": _style.LINEAR}
    handles = [Line2D([], [], marker="o", markersize=3, label=f"mean and range over {repeats}", **line)]
    return handles + [Line2D([], [], linestyle=(0, (4, 3)), label="N, the most", **line)] * limit

"""Where the errors of a sequence arrive: every pair of steps as a map, or one error alone."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _style, _words
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("error_flow",)
"""Variables that must have been measured."""

LINEAR_PART = 25.0
"""The colours are linear up to 1/25 of the largest change."""
BLANK = "#c9c9c9"
"""Of an exact zero or an unknown value; white is the future, which no error reaches."""


def error_flow(run: Run, *, w_rec: float = 0.9, step: int | None = None, seed: int | None = None) -> Figure:
    """log10 |de_t / dstate_k| of one network per cell: a map over (k, t), or one curve over k for `step=t`.

    Each map is relative to the error at its own step, so that 0 is an error that arrives undiminished.
    For the measured w_rec nearest to the one asked for, the longest T, and the first seed if none is named.
    Raises `GradlabError` if the run holds no such pairs, or not that step or seed.
    """
    norms = run.norms
    if "error_flow" not in norms:
        raise GradlabError("plot", "this run holds no pairs of steps; measure it with the probe error_flow")
    seeds, T = norms["seed"].values.tolist(), int(norms["T"].values.max())
    if seed is not None and seed not in seeds:
        raise GradlabError("seed", f"{seed} is not in this run; it has {', '.join(map(str, seeds))}")
    if step is not None and not 1 <= step <= T:
        raise GradlabError("step", f"{step} is not in this run; it has the steps 1 to {T}")
    at = int(np.abs(norms["w_rec"].values - w_rec).argmin())
    chosen = norms["error_flow"].isel(w_rec=at).sel(T=T, seed=seeds[0] if seed is None else seed)
    values = chosen.transpose("cell", "init", "from_step", "to_step").values[:, :, :T, :T]
    own = values[:, :, np.arange(T), np.arange(T)][..., None]
    values = values - np.where(np.isfinite(own), own, np.nan)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.3)
        colors = _colors.cell_colors(cells)
        reach = _reach(values)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(title, color=colors[cells[c]], fontweight="bold")
            if step is None:
                _map(panel, values[c, k], reach)
            else:
                _curve(panel, values[c, k, step - 1, :step], colors[cells[c]])
        which = f"{_words.gain(norms, at)}T = {T}, {_words.one(norms, chosen['seed'].item())}"
        if step is None:
            figure.suptitle(f"Error of step t as it reaches the state of step k\n{which}")
            _style.label(axes, "step k it reaches", "step t of the error")
            bar = figure.colorbar(
                ScalarMappable(reach, _style.RATES), ax=axes, format="%.2g", aspect=30, pad=0.02
            )
            _cut(bar, values, float(reach.vmax or 1.0))
            bar.set_label("log10 of |de(t) / dstate(k)| against k = t")
        else:
            figure.suptitle(f"Error of step {step} as it reaches the state of step k\n{which}")
            _style.label(axes, "step k it reaches", "norm against k = t")
            shown = values[:, :, step - 1]
            _style.log_limits(axes[0], shown[np.isfinite(shown)])
    return figure


def _cut(bar: Any, values: NDArray[np.float64], top: float) -> None:
    """The scale shows the colours that are on the maps, and no others."""
    known = values[np.isfinite(values)]
    low, high = (min(float(known.min()), 0.0), max(float(known.max()), 0.0)) if len(known) else (-top, top)
    places = [sign * top / part for sign in (-1, 1) for part in (1, 5, 20)] + [0.0]
    bar.set_ticks([round_to(at) for at in places if low <= round_to(at) <= high])
    bar.minorticks_off()
    if high > low:
        bar.ax.set_ylim(low, high)


def round_to(value: float) -> float:
    """The nearest number of one digit towards 0.

    >>> round_to(-3.47), round_to(0.052)
    (-3.0, 0.05)
    """
    if value == 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(abs(value)))
    return float(np.format_float_positional(math.trunc(value / unit) * unit, precision=3, fractional=False))


def _reach(values: NDArray[np.float64]) -> Normalize:
    """Colours from as far below 0 as above, logarithmic but for the least: one cell does not pale another."""
    known = np.abs(values[np.isfinite(values)])
    reach = max(float(known.max()) if len(known) else 0.0, 1e-6)
    return AsinhNorm(reach / LINEAR_PART, -reach, reach)


def _map(panel: Axes, values: NDArray[np.float64], reach: Normalize) -> None:
    T = len(values)
    panel.grid(False)
    past = np.tri(T, dtype=bool)
    blank: Any = np.ma.masked_array(np.ones(values.shape), ~past | np.isfinite(values))
    edges = np.arange(T + 1) + 0.5
    panel.pcolormesh(edges, edges, blank, cmap=ListedColormap([BLANK]), rasterized=True)
    shown = np.ma.masked_array(values, ~np.isfinite(values))
    panel.pcolormesh(edges, edges, shown, norm=reach, cmap=_style.RATES, rasterized=True)
    if not shown.count():
        _style.note(panel, "nothing to draw:\nno error is known")


def _curve(panel: Axes, values: NDArray[np.float64], color: str) -> None:
    known = np.flatnonzero(np.isfinite(values))
    panel.set_xlim(1, max(len(values), 2))
    if not len(known):
        _style.note(panel, "nothing to draw:\nno error is known")
        return
    known = known[_style.thin(len(known) - 1)]
    panel.plot(known + 1, values[known], color=color, linewidth=1.4)

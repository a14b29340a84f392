"""The rate over w_rec and T: where a cell vanishes, where it explodes, and the border between."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.studies.sweep.regimes import border
from gradlab.studies.sweep.results import Run, mean_rates

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("transport",)
"""Variables that must have been measured."""
OVER = ("w_rec",)
"""It shows how something changes along one of these: without two places on one it is not drawn unasked."""

GAP = "#c9c9c9"
"""Of a point without a rate."""
BORDER = "#111111"
LINEAR_PART = 25.0
"""The colours are linear up to 1/25 of the largest rate, logarithmic beyond: weak rates stay visible."""


def rate_map(run: Run) -> Figure:
    """The mean rate over seeds as a map over w_rec and T, one panel per cell.

    The measured border (where the mean rate crosses 0) stands beside the linear one, w_rec = 1.
    """
    norms = run.norms
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    w_rec, Ts = norms["w_rec"].values.astype(np.float64), norms["T"].values
    rates = mean_rates(run)
    known = np.abs(rates[~np.isnan(rates)])
    reach = max(float(known.max()) if len(known) else 0.0, 1e-6)
    norm = AsinhNorm(reach / LINEAR_PART, -reach, reach)
    colors = _colors.cell_colors(cells)
    with _style.style():
        height = 0.75 + min(0.22 * len(Ts), 3.0)
        figure, axes = _style.panels(len(cells) * len(inits), columns=2, height=height)
        found = False
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            crossings = _map(panel, w_rec, rates[c, k], norm)
            found |= bool(np.isfinite(crossings).any())
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(
                f"{title}\n{_caption(crossings, Ts, rates[c, k][np.argsort(w_rec)])}", color=colors[cells[c]]
            )
            panel.set_yticks(range(len(Ts)), [f"{T:g}" for T in Ts])
        _style.label(axes, "w_rec", "T")
        title = f"Rate of the transport, mean over {_words.counted(norms)}"
        figure.suptitle(title + _style.alone(norms))
        mappable = ScalarMappable(norm, _style.RATES)
        few = height < 1.5 and len(axes) <= 2
        bar = figure.colorbar(mappable, ax=axes, ticks=_ticks(reach, few), format="%.1g", pad=0.02)
        bar.set_label("log10 per step")
        bar.minorticks_off()
        edges = _style.edges(w_rec)
        handles = _legend(found, bool(edges[0] < 1 < edges[-1]), bool(np.isnan(rates).any()))
        if handles:
            _fitting.legend(figure, handles, 3)
    return figure


def _map(
    panel: Axes, w_rec: NDArray[np.float64], rates: NDArray[np.float64], norm: Normalize
) -> NDArray[np.float64]:
    """Draw one cell; the border of each T."""
    rows = rates.shape[1]
    panel.set_facecolor(GAP)
    panel.grid(False)
    x, y = _style.edges(w_rec), np.arange(rows + 1) - 0.5
    shown = np.ma.masked_invalid(rates[np.argsort(w_rec)].T)
    panel.pcolorfast(x, y, shown, norm=norm, cmap=_style.RATES)
    panel.set_xlim(x[0], x[-1])
    panel.set_ylim(-0.5, rows - 0.5)
    if not shown.count():
        _style.note(panel, "nothing to draw:\nno rate is defined")
    if x[0] < 1 < x[-1]:
        panel.axvline(1.0, color=_style.LINEAR, linestyle=(0, (4, 3)), linewidth=1)
    crossings = np.array([border(w_rec, rates[:, t]) for t in range(rows)])
    panel.plot(
        crossings,
        range(rows),
        color=BORDER,
        marker="o",
        markersize=3.5,
        markerfacecolor="white",
        linewidth=1.3,
    )
    return crossings


def _caption(crossings: NDArray[np.float64], Ts: NDArray[np.int64], rates: NDArray[np.float64]) -> str:
    """The border in words, at the longest T that has one; `rates` is `(w_rec, T)`, by rising w_rec."""
    found = np.flatnonzero(~np.isnan(crossings))
    if len(found):
        at = found[np.argmax(Ts[found])]
        signs = np.sign(rates[:, at][~np.isnan(rates[:, at]) & (rates[:, at] != 0)])
        first = "first of several borders" if np.count_nonzero(np.diff(signs)) > 1 else "border"
        return f"{first} at w_rec = {crossings[at]:.3f} (T = {Ts[at]})"
    known = rates[~np.isnan(rates)]
    if not len(known):
        return "no rate"
    if known.min() > 0 or known.max() < 0:
        return f"no border: every rate is {'negative' if known.max() < 0 else 'positive'}"
    return "no border: every rate is 0" if not known.any() else "no border at any T"


def _ticks(reach: float, few: bool) -> list[float]:
    """Of the colour bar: 0 and both signs of round numbers that the stretched scale tells apart."""
    top = 10.0 ** math.floor(math.log10(reach))
    top *= max(digit for digit in (1, 2, 5) if digit * top <= reach * (1 + 1e-9))
    return [-top, 0.0, top] if few else [-top, -top / 5, -top / 20, 0.0, top / 20, top / 5, top]


def _legend(border: bool, linear: bool, gaps: bool) -> list[Line2D | Patch]:
    """Of what is drawn."""
    ring: dict[str, Any] = {"marker": "o", "markersize": 3.5, "markerfacecolor": "white"}
    dashes: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 1}
    handles: list[tuple[bool, Line2D | Patch]] = [
        (border, Line2D([], [], color=BORDER, label="measured border (rate = 0)", **ring)),
        (linear, Line2D([], [], color=_style.LINEAR, label="linear border, w_rec = 1", **dashes)),
        (gaps, Patch(facecolor=GAP, label="no rate (not finite or undefined)")),
    ]
    return [handle for drawn, handle in handles if drawn]

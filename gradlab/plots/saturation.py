"""Units that no longer respond: over w_rec, or over the steps of one network."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("near_bound",)
"""Variables that must have been measured."""

SHARES: dict[str, tuple[str, dict[str, Any]]] = {
    "near_bound": ("near the bound, |h| > 0.9", {"color": "#0072b2", "linestyle": "-"}),
    "small_derivative": ("small derivative, |D row| < 0.1", {"color": "#d55e00", "linestyle": (0, (5, 2))}),
    "dead": ("dead, D row = 0", {"color": "#4d4d4d", "linestyle": (0, (1, 1.5))}),
}


def saturation(run: Run) -> Figure:
    """Shares of units that no longer respond, at the longest T, mean and range over seeds, by cell.

    Over w_rec the mean over steps; in a run of one w_rec, step by step. Raises `GradlabError` if the run
    holds none.
    """
    norms = run.norms
    if "small_derivative" not in norms:
        raise GradlabError("plot", "this run holds no shares of units; measure it with the probe saturation")
    T, w_rec = int(norms["T"].values.max()), norms["w_rec"].values.astype(np.float64)
    along = "w_rec" if len(w_rec) > 1 else "step"
    x = w_rec if along == "w_rec" else np.arange(1, T + 1.0)
    values = {}
    for name in SHARES:
        share = norms[name].sel(T=T).isel(step=slice(T))
        share = share.mean("step") if along == "w_rec" else share.isel(w_rec=0)
        values[name] = share.transpose("cell", "init", "seed", along).values
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.0)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(title, color=colors[cells[c]], fontweight="bold")
            _curves(panel, x, {name: share[c, k] for name, share in values.items()})
        _share_limits(axes[0], values)
        _style.x_limits(axes[0], x)
        _style.label(axes, along, "share of units")
        alone = _words.gain(norms) * (len(w_rec) == 1)
        over = ", mean over steps" * (along == "w_rec")
        figure.suptitle(f"Saturation: {alone}T = {T}, {_words.counted(norms)}{over}")
        handles, labels = _legend()
        _fitting.legend(figure, handles, 3 if len(axes) > 1 else 2, labels)
    return figure


def _share_limits(panel: Axes, values: dict[str, NDArray[np.float64]]) -> None:
    """From 0 to the largest share, a twentieth at least: a share of one in a hundred is seen, too."""
    every = np.concatenate([share[np.isfinite(share)] for share in values.values()] or [np.zeros(0)])
    top = max(float(every.max()) if len(every) else 1.0, 0.05)
    panel.set_ylim(-0.03 * top, 1.03 * min(top, 1.0))
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if top > 0.05 else 1))


def _curves(panel: Axes, x: NDArray[np.float64], shares: dict[str, NDArray[np.float64]]) -> None:
    drawn = False
    for name, share in shares.items():
        known = np.flatnonzero(~np.isnan(share).all(axis=0))
        if not len(known):
            continue
        drawn, known = True, known[_style.thin(len(known) - 1)]
        some = share[:, known]
        look = SHARES[name][1]
        mark = "o" if len(known) < 2 else None
        panel.plot(x[known], np.nanmean(some, axis=0), marker=mark, markersize=3, **look)
        low, high = np.fmin.reduce(some), np.fmax.reduce(some)
        panel.fill_between(x[known], low, high, color=look["color"], alpha=0.15, linewidth=0)
    if not drawn:
        _style.note(panel, "nothing to draw:\nthe forward pass\nis not finite")
    elif not any(np.nansum(share) for share in shares.values()):
        _style.note(panel, "no unit, at no step")
    elif np.isnan(shares["near_bound"]).all():
        _style.note(panel, "no bound: |h| exceeds 1", "upper right")


def _legend() -> tuple[list[Any], list[str]]:
    return [Line2D([], [], **look) for _, look in SHARES.values()], [label for label, _ in SHARES.values()]

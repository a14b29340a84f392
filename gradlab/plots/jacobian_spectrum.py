"""All singular values of the transport against lag: how many directions a gradient survives in."""

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _style, _words
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("product_singular_values",)
"""Variables that must have been measured."""

CURVES = 24
"""A panel shows at most so many of the singular values, the first and the last among them."""
RANKS = ListedColormap(colormaps["viridis"](np.linspace(0, 0.85, 256)), "ranks")
"""Dark for the largest value; the last is still readable on white."""


def jacobian_spectrum(run: Run, *, w_rec: float = 0.9, seed: int | None = None) -> Figure:
    """log10 of the singular values of dstate(T) / dstate(t) against lag, one panel per cell.

    For one network: the measured w_rec nearest to the one asked for, the longest T, the first seed if none is
    named. Raises `GradlabError` if the run holds no spectrum or not that seed.
    """
    norms = run.norms
    if "product_singular_values" not in norms:
        raise GradlabError(
            "plot", "this run holds no singular values; measure it with the probe jacobian_spectrum"
        )
    seeds, T = norms["seed"].values.tolist(), int(norms["T"].values.max())
    if seed is not None and seed not in seeds:
        raise GradlabError("seed", f"{seed} is not in this run; it has {', '.join(map(str, seeds))}")
    at = int(np.abs(norms["w_rec"].values - w_rec).argmin())
    chosen = norms["product_singular_values"].isel(w_rec=at).sel(T=T, seed=seeds[0] if seed is None else seed)
    values = chosen.transpose("cell", "init", "lag", "index").values
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.2)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(f"{title}\n{_caption(values[c, k])}", color=colors[cells[c]])
            segments, ranks = _curves(values[c, k])
            panel.add_collection(LineCollection(segments, colors=RANKS(ranks), linewidths=1.1), autolim=False)
            if not segments:
                _style.note(panel, "nothing to draw:\nno singular value is known")
            _style.lag_limits(panel, T)
        _style.log_limits(axes[0], values[np.isfinite(values)])
        _style.label(axes, "lag (steps back from T)", "singular value")
        figure.suptitle(
            "Singular values of dstate(T) / dstate(t)\n"
            f"{_words.gain(norms, at)}T = {T}, {_words.one(norms, chosen['seed'].item())}"
        )
        bar = figure.colorbar(ScalarMappable(cmap=RANKS), ax=axes, ticks=[0, 1], aspect=30, pad=0.02)
        bar.ax.set_yticklabels(["largest", "smallest"])
        bar.ax.invert_yaxis()
    return figure


def _curves(values: NDArray[np.float64]) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Segments of the curves drawn, and the rank of each, 0 for the largest value and 1 for the smallest."""
    count = int((~np.isnan(values)).any(axis=0).sum())
    drawn = np.unique(np.linspace(0, max(count - 1, 0), min(count, CURVES)).round().astype(int))
    segments = []
    for index in drawn.tolist():
        lags = np.flatnonzero(np.isfinite(values[:, index]))
        lags = lags[_style.thin(len(lags) - 1)]
        segments.append(np.column_stack([lags, values[lags, index]]))
    return segments, drawn / max(count - 1, 1)


def _caption(values: NDArray[np.float64]) -> str:
    """How many values are known at the largest lag, and how far apart they are."""
    known = np.isfinite(values)
    rows = np.flatnonzero(known.any(axis=1))
    if not len(rows):
        return "none known"
    last = values[rows[-1]][known[rows[-1]]]
    return f"{len(last)} values, {last.max() - last.min():.1f} decades apart"

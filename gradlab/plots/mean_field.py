"""Mean-field rates and borders beside the measured ones."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.plots import _style
from gradlab.status import GradlabError
from gradlab.summary import border
from gradlab.tables import Run, grid

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("mean_field_exponent",)
"""Variables that must have been measured."""

PREDICTED = "#4d4d4d"


def mean_field(run: Run) -> Figure:
    """The rate against w_rec as mean-field theory has it and as measured, at the longest T, a panel a cell.

    The border of each is where it crosses 0; where neither does, the time scale of the norm, 1 / |rate|, is
    given for the least w_rec. Means over seeds, in natural logs per step. Raises `GradlabError` if the run
    holds no mean-field exponents.
    """
    norms = run.norms
    if "mean_field_exponent" not in norms:
        raise GradlabError(
            "plot", "this run holds no mean-field exponents; measure it with the probe mean_field"
        )
    at = int(norms["T"].values.argmax())
    T, w_rec = int(norms["T"].values[at]), norms["w_rec"].values.astype(np.float64)
    last = norms["mean_field_exponent"].isel(T=at, step=T - 1).transpose("cell", "init", "w_rec", "seed")
    predicted = last.values.mean(axis=-1)
    measured = grid(run.metrics, norms, "rate").value[:, :, :, at].mean(axis=-1) * math.log(10)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _style.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.3, share_y=False)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(
                f"{title}\n{_caption(w_rec, predicted[c, k], measured[c, k])}", color=colors[cells[c]]
            )
            _curves(panel, w_rec, predicted[c, k], measured[c, k], colors[cells[c]])
        axes[0].set_xlim(w_rec.min(), max(w_rec.max(), w_rec.min() + 1e-3))
        _style.label(axes, "w_rec", "rate (ln per step)")
        seeds = norms.sizes["seed"]
        figure.suptitle(f"Mean-field theory and measurement: T = {T}, {seeds} seed{'s' * (seeds > 1)}")
        figure.legend(handles=_legend(), loc="outside lower center", ncols=2)
    return figure


def _curves(
    panel: Axes,
    w_rec: NDArray[np.float64],
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    color: str,
) -> None:
    panel.axhline(0, color="#a0a0a0", linewidth=0.7)
    order = np.argsort(w_rec)
    for rates, look in ((predicted, "--"), (measured, "o-")):
        known = order[np.isfinite(rates[order])]
        shade = PREDICTED if look == "--" else color
        panel.plot(w_rec[known], rates[known], look, color=shade, markersize=3, linewidth=1.2)
        crossing = border(w_rec, np.where(np.isfinite(rates), rates, np.nan))
        if np.isfinite(crossing):
            panel.plot(crossing, 0, marker="D", markersize=5, color=shade, markerfacecolor="white", zorder=5)
    if not np.isfinite(predicted).any() and not np.isfinite(measured).any():
        _style.note(panel, "nothing to draw:\nno rate is defined")


def _caption(
    w_rec: NDArray[np.float64], predicted: NDArray[np.float64], measured: NDArray[np.float64]
) -> str:
    """Both borders, or both time scales if neither crosses 0."""
    both = predicted, measured
    found = [border(w_rec, np.where(np.isfinite(rates), rates, np.nan)) for rates in both]
    if np.isfinite(found).any():
        words = [f"{w:.3g}" if np.isfinite(w) else "none" for w in found]
        return f"border: theory {words[0]}, measured {words[1]}"
    least = int(w_rec.argmin())
    scales = [f"{1 / abs(r[least]):.3g}" if np.isfinite(r[least]) and r[least] else "none" for r in both]
    at = "" if np.isnan(w_rec[least]) else f" at w_rec = {w_rec[least]:g}"
    return f"time scale{at}: theory {scales[0]}, measured {scales[1]}"


def _legend() -> list[Line2D]:
    ring: dict[str, Any] = {"marker": "D", "markersize": 5, "markerfacecolor": "white", "linestyle": "none"}
    return [
        Line2D(
            [], [], color=PREDICTED, linestyle="--", label="theory: weights as if drawn anew at every step"
        ),
        Line2D([], [], color=_style.CELLS[0], marker="o", markersize=3, label="measured (the cell's colour)"),
        Line2D([], [], color=PREDICTED, label="border (rate 0)", **ring),
    ]

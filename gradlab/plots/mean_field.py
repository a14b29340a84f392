"""Mean-field rates and borders beside the measured ones."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.studies.sweep.regimes import border
from gradlab.studies.sweep.results import Run, grid

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("mean_field_exponent",)
"""Variables that must have been measured."""

PREDICTED = "#4d4d4d"
Rates = NDArray[np.float64]


def mean_field(run: Run) -> Figure:
    """The rate against w_rec as mean-field theory has it and as measured, at the longest T, by cell.

    The border of each is where it crosses 0; where neither does, the time scale of the norm, 1 / |rate|, is
    given for the least w_rec. Means over seeds, in natural logs per step. Above each panel stands what the
    theory's curve is not: of weights that stay, or of a drive that is not steady. Raises `GradlabError` if
    the run holds no mean-field exponents.
    """
    norms = run.norms
    if "mean_field_exponent" not in norms:
        raise GradlabError(
            "plot", "this run holds no mean-field exponents; measure it with the probe mean_field"
        )
    T = int(norms["T"].values.max())
    w_rec, predicted, measured = _rates(run)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.3, share_y=False)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            lines = [title, _caption(w_rec, predicted[c, k], measured[c, k]), *_beside(run, c)]
            panel.set_title("\n".join(lines), color=colors[cells[c]], fontsize=7.5)
            _curves(panel, w_rec, predicted[c, k], measured[c, k], colors[cells[c]])
        _style.x_limits(axes[0], w_rec)
        _style.label(axes, "w_rec", "rate (ln per step)")
        title = f"Mean-field theory and measurement: T = {T}, {_words.counted(norms)}"
        figure.suptitle(title + _style.alone(norms))
        _fitting.legend(figure, _legend(colors), 3 if len(colors) > 1 else 2)
    return figure


def _rates(run: Run) -> tuple[Rates, Rates, Rates]:
    """w_rec, and the rates of theory and measurement by (cell, init, w_rec)."""
    norms = run.norms
    at = int(norms["T"].values.argmax())
    step = int(norms["T"].values[at]) - 1
    last = norms["mean_field_exponent"].isel(T=at, step=step).transpose("cell", "init", "w_rec", "seed")
    measured = grid(run.metrics, norms, "rate").value[:, :, :, at].mean(axis=-1) * math.log(10)
    return norms["w_rec"].values.astype(np.float64), last.values.mean(axis=-1), measured


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
    return f"time scale{at}:\ntheory {scales[0]}, measured {scales[1]}"


def _beside(run: Run, c: int) -> list[str]:
    """What the theory's curve of the cell at this place is not."""
    if "mean_field_exact" not in run.norms:
        return ["theory: weights redrawn each step"]
    exact = run.norms["mean_field_exact"].isel(cell=c).values
    if (exact == 1).any():
        return ["theory: random weights, N large"]
    unknown = bool(np.isnan(exact).all())
    fixed = "of fixed ones nothing is known" if unknown else "fixed ones differ, maybe in sign"
    words = ["theory: weights redrawn each step;", fixed]
    settings = run.about.get("settings", {})
    inputs = settings.get("inputs")
    if inputs and settings.get("input_std") and not settings.get("data"):
        words.append(f"D = {inputs}: drive not steady (± {100 * math.sqrt(2 / inputs):.0f} %)")
    return words


def sentence(run: Run) -> str:
    """Where theory and measurement agree in sign, and what the theory is of."""
    _, predicted, measured = _rates(run)
    both = np.isfinite(predicted) & np.isfinite(measured)
    other = int((both & (np.sign(predicted) != np.sign(measured))).sum())
    said = f"Theory and measurement differ in sign at {other} of {int(both.sum())} points"
    which: dict[str, list[str]] = {}
    for c, cell in enumerate(map(str, run.norms["cell"].values)):
        if words := "; ".join(line.rstrip(";") for line in _beside(run, c)):
            which.setdefault(words, []).append(cell)
    return ". ".join([said, *(f"{', '.join(cells)}: {words}" for words, cells in which.items())]) + "."


def _legend(colors: dict[str, str]) -> list[Line2D]:
    ring: dict[str, Any] = {"marker": "D", "markersize": 5, "markerfacecolor": "white", "linestyle": "none"}
    return [
        Line2D(
            [], [], color=PREDICTED, linestyle="--", label="theory: weights as if drawn anew at every step"
        ),
        Line2D([], [], color=PREDICTED, label="border (rate 0)", **ring),
        *(
            Line2D([], [], color=color, marker="o", markersize=3, label=f"measured, {cell}")
            for cell, color in colors.items()
        ),
    ]

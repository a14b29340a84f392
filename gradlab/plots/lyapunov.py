"""Lyapunov exponents over w_rec, or their convergence over the steps of one network."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.studies.sweep.columns import labels
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("lyapunov_history",)
"""Variables that must have been measured."""
PICKS = ("index",)
"""Axes of its columns of which it can draw a part."""

CURVES = 16
OTHERS = colormaps["viridis"](0.55)
"""Of all exponents but the first."""


def lyapunov(run: Run) -> Figure:
    """The Lyapunov exponents of each cell at the longest T, mean over seeds, in natural logs per step.

    Over w_rec, or, in a run of one w_rec, the mean up to each step: whether T is long enough. A panel whose
    networks never leave the state that they start from says so: theirs are the exponents of a fixed point.
    Raises `GradlabError` if the run holds none.
    """
    norms = run.norms
    if "lyapunov" not in norms:
        raise GradlabError("plot", "this run holds no Lyapunov exponents; measure it with the probe lyapunov")
    T, w_rec = int(norms["T"].values.max()), norms["w_rec"].values.astype(np.float64)
    name, along = ("lyapunov", "w_rec") if len(w_rec) > 1 else ("lyapunov_history", "step")
    mean = norms[name].sel(T=T).mean("seed")
    values = (
        (mean if along == "w_rec" else mean.isel(w_rec=0)).transpose("cell", "init", along, "index").values
    )
    x = w_rec if along == "w_rec" else np.arange(1, values.shape[2] + 1.0)
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.2, share_y=False)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            one = norms.sel(T=T).isel(cell=c, init=k)
            panel.set_title("\n".join([title, _sum_rule(one), *_at_rest(one)]), color=colors[cells[c]])
            _curves(panel, x, values[c, k], colors[cells[c]], labels(norms, "index")[0] == 1)
        _style.x_limits(axes[0], x)
        _style.label(axes, along, "exponent (ln per step)")
        alone = _words.gain(norms) * (len(w_rec) == 1)
        figure.suptitle(f"Lyapunov exponents: {alone}T = {T}, {_words.counted(norms)}")
        _fitting.legend(figure, _legend(), 3)
    return figure


def _curves(
    panel: Axes, x: NDArray[np.float64], values: NDArray[np.float64], color: str, first: bool
) -> None:
    """The curves, the first exponent, if it is the `first` of these, as the cell's own."""
    count = int((~np.isnan(values)).any(axis=0).sum())
    panel.axhline(0, color=_style.LINEAR, linestyle=(0, (4, 3)), linewidth=0.9)
    if not np.isfinite(values).any():
        _style.note(panel, "nothing to draw:\nno exponent is known")
        return
    drawn = np.unique(np.linspace(0, count - 1, min(count, CURVES)).round().astype(int))
    for index in drawn[::-1].tolist():
        known = np.flatnonzero(np.isfinite(values[:, index]))
        if not len(known):
            continue
        known = known[_style.thin(len(known) - 1)]
        look: dict[str, Any] = (
            {"color": color, "linewidth": 1.8} if first and index == 0 else {"color": OTHERS}
        )
        mark = "o" if len(known) < 2 else None
        panel.plot(x[known], values[known, index], **({"linewidth": 0.7} | look), marker=mark, markersize=3)


def _sum_rule(one: Any) -> str:
    """How far the sum of all exponents is from the log determinant; of the first alone there is no rule."""
    if "log_determinant" not in one:
        which = labels(one, "index")
        whole = which == list(range(1, len(which) + 1))
        return f"the first {len(which)}" if whole else f"index {', '.join(map(str, which))}"
    gap = abs(one["lyapunov_sum"] - one["log_determinant"]).isel(step=int(one["T"]) - 1).values
    known = gap[np.isfinite(gap)]
    return f"sum rule met to {known.max():.1g}" if len(known) else "no finite sum"


def _at_rest(one: Any) -> list[str]:
    """Words about networks whose states never left the start; none where there are none."""
    if "lyapunov_at_rest" not in one:
        return []
    share = one["lyapunov_at_rest"].values
    still = int((share > 0).sum())
    if not still:
        return []
    which = "no state" if still == share.size else f"in {still} of {share.size} networks no state"
    return [f"{which} leaves its start:", "exponents of a fixed point,", "not of an attractor"]


def sentence(run: Run) -> str:
    """The range of the first exponent, and what must be said about it."""
    norms = run.norms
    last = norms.sel(T=int(norms["T"].values.max()))
    first = last["lyapunov"].isel(index=0).values
    known = first[np.isfinite(first)]
    if not len(known):
        return "No Lyapunov exponent is known."
    said = f"The first exponent lies between {known.min():.3g} and {known.max():.3g} per step (ln)"
    words = _at_rest(last)
    return f"{said}; {' '.join(words)}." if words else f"{said}."


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=_style.LINEAR, linewidth=1.8, label="first exponent (in the cell's colour)"),
        Line2D([], [], color=OTHERS, linewidth=0.7, label="the others"),
        Line2D(
            [],
            [],
            color=_style.LINEAR,
            linestyle=(0, (4, 3)),
            linewidth=0.9,
            label="neither grows nor shrinks",
        ),
    ]

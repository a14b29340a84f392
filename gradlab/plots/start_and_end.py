"""What training has done to the gradient: profiles of a comparison at the start and at the end."""

import math
import warnings
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.plots import _colors, _fitting, _style
from gradlab.studies.remedies.results import TrainingRun

READS = "remedies"
NEEDS = ("transport", "adjoint", "weight_gradient")
LOOKS: dict[str, Any] = {
    "start": {"linestyle": (0, (4, 2)), "alpha": 0.12},
    "end": {"linestyle": "-", "alpha": 0.25},
}


def start_and_end(
    run: TrainingRun,
    *,
    quantity: Literal["transport", "adjoint", "weight_gradient"] = "transport",
    w_rec: float | None = None,
) -> Figure:
    """log10 norm against lag before and after training, one panel per arm: the median over seeds with bands.

    At the longest T, for the w_rec nearest to the one asked for, the first if none is. The adjoint goes
    through the arm's own backward pass, the transport is the network's own. What is exactly zero, or not
    finite, is not drawn.
    """
    norms = _chosen(run, w_rec)
    T, gain = int(norms["T"]), float(norms["w_rec"])
    arms = [str(arm) for arm in norms["arm"].values]
    colors = _colors.arm_colors(run.about, arms)
    with _style.style():
        figure, axes = _style.panels(len(arms), height=2.0)
        drawn = []
        for panel, arm in zip(axes, arms, strict=True):
            panel.set_title(arm, color=colors[arm], fontweight="bold")
            for when, look in LOOKS.items():
                drawn.append(_curve(panel, norms[quantity].sel(arm=arm, when=when).values, colors[arm], look))
            _style.lag_limits(panel, T)
        shown = np.concatenate(drawn)
        for panel in axes:
            _style.log_limits(panel, shown)
        name, words, _ = _style.QUANTITY[quantity]
        _style.label(axes, "lag (steps back)", name)
        seeds = norms.sizes["seed"]
        figure.suptitle(
            f"{name.capitalize()}: {words}\nT = {T}, w_rec = {gain:g}, median over {seeds} seeds (band: all)"
        )
        handles = [
            Line2D([], [], color=_style.LINEAR, linestyle=look["linestyle"], label=f"{when} of training")
            for when, look in LOOKS.items()
        ]
        _fitting.legend(figure, handles, 2)
    return figure


def _chosen(run: TrainingRun, w_rec: float | None) -> Any:
    """The profiles at the longest T and one w_rec, up to that T."""
    gains, T = run.norms["w_rec"].values, int(run.norms["T"].values.max())
    at = 0 if w_rec is None else int(np.abs(gains - w_rec).argmin())
    return run.norms.sel(T=T).isel(w_rec=at, lag=slice(0, T + 1))


def _curve(panel: Axes, logs: NDArray[np.float64], color: str, look: dict[str, Any]) -> NDArray[np.float64]:
    """Median and band over seeds `(seed, lag)`; the finite values drawn."""
    finite = np.where(np.isfinite(logs), logs, np.nan)
    some = _style.thin(logs.shape[1] - 1)
    finite = finite[:, some]
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = (f(finite, axis=0) for f in (np.nanmin, np.nanmax))
        # An exact zero is the least of the seeds, not one that is missing.
        middle = np.nanmedian(logs[:, some], axis=0)
        middle[~np.isfinite(middle)] = np.nan
    panel.fill_between(some, low, high, color=color, alpha=look["alpha"], linewidth=0)
    panel.plot(some, middle, color=color, linestyle=look["linestyle"], linewidth=1.4)
    return finite[np.isfinite(finite)]


def sentence(run: TrainingRun) -> str:
    """How far the transport of each arm fell, or rose, over the longest sequence, before and after."""
    norms = _chosen(run, None)
    said = []
    for arm in norms["arm"].values:
        ends = []
        for when in LOOKS:
            values = norms["transport"].sel(arm=arm, when=when).values[:, -1]
            ends.append(_middle(values[~np.isnan(values)]))
        said.append(f"{arm} {ends[0]} -> {ends[1]}")
    over = ", median over seeds" if norms.sizes["seed"] > 1 else ""
    at = f" at w_rec = {float(norms['w_rec']):g}" if run.norms.sizes["w_rec"] > 1 else ""
    return (
        f"The transport over {int(norms['T'])} steps{at}{over}, start -> end of training: {'; '.join(said)}."
    )


def _middle(logs: NDArray[np.float64]) -> str:
    """The median in words; an exact zero is the least."""
    if not len(logs):
        return "no norm"
    with np.errstate(invalid="ignore"):
        middle = float(np.median(logs))
    return f"10^{middle:.1f}" if math.isfinite(middle) else "exactly 0" if middle < 0 else "not finite"

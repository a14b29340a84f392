"""Rate and horizons of a network against the update of its training."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradlab.metrics import named
from gradlab.plots import _colors, _style
from gradlab.profiles import HALF
from gradlab.states import UNDEFINED
from gradlab.studies.sweep.results import Run, grid
from gradlab.studies.sweep.updates import UPDATE, trained

READS = "sweep"
"""What has the tables of a sweep."""
NEEDS = (UPDATE, "transport")


def over_training(run: Run) -> Figure:
    """Rate, half-life and soft horizon of the transport against the update, of a run of `gradlab.Monitor`.

    A dot is one sequence of a look, the line their median. Grey: the band within which the transport changes
    by less than a factor 2; on the line of T what has not happened within the sequence.
    """
    T = int(run.norms["T"].values.max())
    updates = trained(run.norms)
    networks = list(dict.fromkeys(network for network, _ in updates.values()))
    colors = _colors.cell_colors(networks)
    with _style.style():
        figure, axes = _style.panels(3, height=2.4, share_y=False)
        for panel, name in zip(axes, ("rate", "half_life", "soft_horizon"), strict=True):
            metric = named(name)
            panel.set_title(metric.panel_title or metric.name)
            if name == "rate":
                panel.axhspan(-HALF / T, HALF / T, color=_style.LINEAR, alpha=0.2, linewidth=0)
            else:
                panel.axhline(T, color=_style.LINEAR, linewidth=0.7)
            for network in networks:
                at = [i for i, (own, _) in enumerate(updates.values()) if own == network]
                _curve(panel, run, name, at, colors[network], T)
        _style.label(axes, "update", "decades per step")
        for panel in axes[1:]:
            panel.set_ylabel("steps")
        many = run.norms.sizes["seed"]
        each = f"{many} sequence{'s' * (many > 1)} per look"
        figure.suptitle(f"{', '.join(networks)} while it trains, T = {T}, {each}")
    return figure


def _curve(panel: Axes, run: Run, name: str, at: list[int], color: str, T: int) -> None:
    """One network: a dot for each sequence, and the median where one is known."""
    found = grid(run.metrics, run.norms, name)
    values = np.where((found.state == UNDEFINED) & (name != "rate"), float(T), found.value)[at, 0, 0, 0]
    x = run.norms[UPDATE].values[at]
    for one in values.T:
        panel.plot(x, one, color=color, marker=".", markersize=3, linestyle="none", alpha=0.5)
    known = ~np.isnan(values).all(axis=1)
    if known.any():
        panel.plot(x[known], np.nanmedian(values[known], axis=1), color=color)
    else:
        _style.note(panel, "nothing to draw:\nno value is known")


def sentence(run: Run) -> str:
    """From where to where the rate goes."""
    rates = grid(run.metrics, run.norms, "rate").value[:, 0, 0, 0]
    known = rates[np.isfinite(rates)]
    if not len(known):
        return "No rate is known."
    looks = len(set(run.norms[UPDATE].values.tolist()))
    return (
        f"Rates of {looks} look{'s' * (looks > 1)} lie between {known.min():+.3g} and {known.max():+.3g} "
        "decades per step of lag."
    )

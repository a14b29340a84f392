"""Adjoint, transport and weight gradient of one network: three quantities that are easily taken for one."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradlab.errors import GradlabError
from gradlab.plots import _fitting, _style, _words
from gradlab.profiles import hard_horizon
from gradlab.spelled import unknown
from gradlab.states import FORWARD_NONFINITE, OK
from gradlab.studies.sweep.results import Run

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("transport", "adjoint", "weight_gradient")
"""Variables that must have been measured."""

NEAR = 0.9
"""The w_rec that is looked for if none is named."""
DASHES = {"state": "-", "h": (0, (4, 2)), "c": (0, (1, 1.5))}


def three_gradients(
    run: Run,
    *,
    cell: str | None = None,
    w_rec: float | None = None,
    T: int | None = None,
    seed: int | None = None,
) -> Figure:
    """The three log10 norms against lag, side by side, for one network.

    If not named: the first cell, the measured w_rec nearest to 0.9, the longest T and the first seed.
    Raises `GradlabError` for a cell, T or seed that the run does not have.
    """
    norms = run.norms
    all_w = norms["w_rec"].values.astype(np.float64)
    asked = NEAR if w_rec is None else w_rec
    at = int(np.argmin(np.abs(all_w - asked)))
    chosen = {
        "cell": _one_of("cell", cell, norms["cell"].values.tolist()),
        "T": _one_of("T", T, sorted(norms["T"].values.tolist(), reverse=True)),
        "seed": _one_of("seed", seed, norms["seed"].values.tolist()),
        "w_rec": float(all_w[at]),
    }
    network = norms.sel(chosen).isel(init=0)
    with _style.style():
        figure, axes = _style.panels(3, height=2.3)
        reach = []
        for panel, quantity in zip(axes, ("adjoint", "transport", "weight_gradient"), strict=True):
            name, formula, _ = _style.QUANTITY[quantity]
            panel.set_title(f"{name}\n")
            panel.text(0.5, 1.02, formula, transform=panel.transAxes, ha="center", va="bottom", fontsize=6.5)
            reach.extend(_draw(panel, network, quantity))
        _style.lag_limits(axes[0], chosen["T"])
        _style.log_limits(axes[0], np.array(reach))
        _style.label(axes, "lag (steps back from T)", "norm")
        figure.suptitle(
            f"{chosen['cell']}, {network['init'].item()}, {_words.gain(norms, at, asked)}"
            f"T = {chosen['T']}, {_words.one(norms, chosen['seed'])}"
        )
        handles, labels = axes[0].get_legend_handles_labels()
        if len(handles) > 1:
            _fitting.legend(figure, handles, len(handles), labels)
    return figure


def _one_of(what: str, asked: Any, known: list[Any]) -> Any:
    if asked is None:
        return known[0]
    if asked not in known:
        if what == "cell":
            raise unknown("--cell", "cell in this run", str(asked), known)
        raise GradlabError(what, f"{asked:g} is not in this run; it has {', '.join(map(str, sorted(known)))}")
    return known[known.index(asked)]


def _draw(panel: Axes, network: Any, quantity: str) -> list[float]:
    """Every part of one quantity; the values drawn."""
    values, states = network[quantity], network[f"{quantity}_state"]
    parts = network["part"].values.tolist() if "part" in values.dims else ["state"]
    color, drawn = _style.QUANTITY[quantity][2], []
    whole = states.sel(part="state").values if "part" in states.dims else states.values
    for part in parts:
        log_norm = (values.sel(part=part) if "part" in values.dims else values).values
        state = (states.sel(part=part) if "part" in states.dims else states).values
        lags = np.flatnonzero(state == OK)
        if not len(lags):
            continue
        lags = lags[_style.thin(len(lags) - 1)]
        style: dict[str, Any] = {
            "linestyle": DASHES.get(part, "-."),
            "linewidth": 1.5 if part == "state" else 1.1,
        }
        label = "whole state" if part == "state" else f"{part} alone"
        panel.plot(lags, log_norm[lags], color=color, label=label, **style)
        drawn += [float(log_norm[lags].min()), float(log_norm[lags].max())]
    if not drawn:
        why = (
            "the forward pass\nis not finite"
            if (whole == FORWARD_NONFINITE).any()
            else "undefined\nfor this network"
        )
        _style.note(panel, f"nothing to draw:\n{why}")
    elif np.isfinite(last := hard_horizon(whole).value):
        _style.note(panel, f"exactly zero beyond lag {last:g}", "upper right")
    return drawn

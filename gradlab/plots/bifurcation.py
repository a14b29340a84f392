"""Attractors of the one-unit network over its bias: where they appear, and where they end."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gradlab.plots import _colors, _fitting, _one_unit, _style
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep.results import Run

READS = ""
NEEDS: tuple[str, ...] = ()
STABLE, UNSTABLE, BOTH = _colors.CELLS[0], "#d55e00", "#f2e6c9"
DASHES = (0, (4, 2.5))


def bifurcation(run: Run | TrainingRun | None = None, *, w: float = 5.0) -> Figure:
    """Fixed points of x' = w sigma(x) + b over b: attractors, the repeller between them, saddle-nodes.

    b = x - w sigma(x);   attracts where |w sigma'(x)| < 1;   saddle-nodes where w sigma'(x) = 1

    With w > 4 there are two attractors between the saddle-nodes: a bias that crosses one of them moves the
    state, and so the loss, by a jump, however small the crossing. Reads no run.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks,
    Fig. 3.
    """
    del run
    nodes = _one_unit.saddle_nodes(w)
    reach = 4.0 if nodes is None else 2.0 + max(abs(x) for _, x in nodes) + 0.5 * abs(w) ** 0.5
    x = np.linspace(-reach, reach, 2001)
    if nodes is not None:
        # The curve turns at the saddle-nodes: they belong to it.
        x = np.unique(np.concatenate([x, [at for _, at in nodes]]))
    with _style.style():
        figure, (panel,) = _style.panels(1, height=3.0)
        b = _one_unit.bias_of(x, w)
        steep = _one_unit.slope(x, w)
        _curve(panel, b, x, np.abs(steep) <= 1 + 1e-9, STABLE, "-", 1.8)
        _curve(panel, b, x, np.abs(steep) >= 1 - 1e-9, UNSTABLE, DASHES, 1.4)
        centre = -w / 2
        half = 1.5 if nodes is None else max(6 * (nodes[0][0] - centre), 0.25)
        panel.set_xlim(centre - half, centre + half)
        shown = x[np.abs(b - centre) <= half]
        panel.set_ylim(shown.min() - 0.3, shown.max() + 0.3)
        if nodes is not None:
            _nodes(panel, nodes)
        panel.set_xlabel("bias b")
        panel.set_ylabel("fixed points x of the state")
        what = "one fixed point for every b" if nodes is None else "two attractors between the saddle-nodes"
        figure.suptitle(f"One unit, x' = w σ(x) + b, w = {w:g}: {what}")
        handles = _legend(nodes is not None, bool((np.abs(steep) > 1).any()))
        _fitting.legend(figure, handles, 4)
    return figure


def _curve(panel: Axes, b: Any, x: Any, where: Any, color: str, dashes: Any, width: float) -> None:
    panel.plot(
        np.where(where, b, np.nan),
        np.where(where, x, np.nan),
        color=color,
        linestyle=dashes,
        linewidth=width,
    )


def _nodes(panel: Axes, nodes: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """The saddle-nodes with their b, and the band between them."""
    (late, low), (early, high) = nodes
    panel.axvspan(early, late, color=BOTH, linewidth=0, zorder=0)
    for b, x, ha, shift in ((late, low, "left", 8), (early, high, "right", -8)):
        panel.plot([b], [x], "o", color="white", markeredgecolor="#111111", markersize=5.5, zorder=6)
        panel.annotate(
            f"saddle-node\nb = {b:.4f}",
            (b, x),
            (shift, 0),
            textcoords="offset points",
            ha=ha,
            va="center",
            fontsize=7.5,
        )


def _legend(both: bool, repels: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [Line2D([], [], color=STABLE, linewidth=1.8, label="attracts")]
    if repels:
        handles.append(Line2D([], [], color=UNSTABLE, linestyle=DASHES, linewidth=1.4, label="repels"))
    if both:
        ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markersize": 5.5}
        handles.append(Line2D([], [], color="#111111", linestyle="none", label="saddle-node", **ring))
        handles.append(Patch(facecolor=BOTH, label="two attractors"))
    return handles

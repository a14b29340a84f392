"""What could be trained, over w_rec and T, with what the profile at the start had forecast drawn over it."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from gradlab.plots import _colors, _fitting, _style
from gradlab.stats import percent
from gradlab.studies.remedies.forecast import forecast, unranked
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow

READS = "remedies"
NEEDS: tuple[str, ...] = ()
OVER = ("w_rec", "T")
"""It shows how something changes along one of these: without two places on one it is not drawn unasked."""
SHARES = LinearSegmentedColormap.from_list("gradlab.shares", ["#f4f1ea", "#9cc9b5", "#2f8f6d", "#0b4d3a"])
FORECAST, GAP = "#d55e00", "#c9c9c9"


def trainability(run: TrainingRun) -> Figure:
    """Share of seeds that solved the task as a map over w_rec and T, one panel per arm.

    The line is the forecast: the largest T that the transport at the start lets expect to train, as
    `gradlab remedies` computes it, for each w_rec its mean over the rows. A triangle on the edge: beyond it.
    """
    rows = run.outcomes()
    found = forecast(rows)
    arms = list(dict.fromkeys(row.arm for row in rows))
    gains, Ts = (np.array(sorted({getattr(row, key) for row in rows})) for key in ("w_rec", "T"))
    colors = _colors.arm_colors(run.about, arms)
    with _style.style():
        height = 1.1 + min(0.25 * len(Ts), 3.0)
        figure, axes = _style.panels(len(arms), columns=3, height=height)
        gaps = False
        for panel, arm in zip(axes, arms, strict=True):
            mine = [(row, reach) for row, reach in zip(rows, found.predicted, strict=True) if row.arm == arm]
            shares = _shares([row for row, _ in mine], gains, Ts)
            gaps |= bool(np.isnan(shares).any())
            _map(panel, shares, gains, Ts)
            _line(panel, mine, gains, Ts)
            panel.set_title(arm, color=colors[arm], fontweight="bold")
        _style.label(axes, "w_rec", "T")
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), SHARES), ax=axes, aspect=25, pad=0.02)
        bar.set_label("seeds that solved it")
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        rank = (
            f"no rank of the forecast: {unranked(rows)}"
            if math.isnan(found.spearman)
            else f"rank correlation of forecast and share {found.spearman:+.2f} "
            f"({percent(found.level)} interval {found.low:+.2f} to {found.high:+.2f})"
            f"{'' if found.skill else ': no skill'}"
        )
        task = run.about.get("settings", {}).get("task", "")
        alone = len(gains) == len(Ts) == 1
        more = "\none point; a map takes several: -T 25,50,100 or --w-rec 0.8:1.2:5" if alone else ""
        figure.suptitle(f"Trainability{f' of {task}' if task else ''}: {rank}{more}")
        _fitting.legend(figure, _legend(gaps), 3)
    return figure


def _shares(rows: list[ArmRow], gains: NDArray[Any], Ts: NDArray[Any]) -> NDArray[np.float64]:
    """`(T, w_rec)`, NaN where nothing was trained."""
    shares = np.full((len(Ts), len(gains)), np.nan)
    for row in rows:
        at = np.searchsorted(Ts, row.T), np.searchsorted(gains, row.w_rec)
        shares[at] = row.solved.successes / max(row.solved.of, 1)
    return shares


def _map(panel: Axes, shares: NDArray[np.float64], gains: NDArray[Any], Ts: NDArray[Any]) -> None:
    panel.set_facecolor(GAP)
    panel.grid(False)
    x, y = _style.edges(gains), np.arange(len(Ts) + 1) - 0.5
    shown = np.ma.masked_invalid(shares)
    panel.pcolormesh(x, y, shown, norm=Normalize(0, 1), cmap=SHARES, edgecolors="white", linewidth=0.6)
    panel.set_xlim(x[0], x[-1])
    panel.set_ylim(-0.5, len(Ts) - 0.5)
    panel.set_yticks(range(len(Ts)), [f"{T:g}" for T in Ts])
    if len(gains) <= 6:
        panel.set_xticks(gains, [f"{w:g}" for w in gains])


def _line(panel: Axes, mine: list[tuple[ArmRow, float]], gains: NDArray[Any], Ts: NDArray[Any]) -> None:
    """The forecast, placed between the rows by the logarithm of T; clipped to the panel."""
    reach = np.full(len(gains), np.nan)
    for w, gain in enumerate(gains):
        known = [r for row, r in mine if row.w_rec == gain and not math.isnan(r)]
        if known:
            reach[w] = float(np.exp(np.mean(np.log(np.maximum(known, 1.0)))))
    place = row_of(reach, Ts)
    top, bottom = len(Ts) - 0.5, -0.5
    held = np.clip(place, bottom, top)
    panel.plot(gains, held, color="white", linewidth=3.2, solid_capstyle="butt")
    panel.plot(gains, held, color=FORECAST, linewidth=1.6, marker="o", markersize=3.5, zorder=4)
    for beyond, edge, marker in ((place > top, top, "^"), (place < bottom, bottom, "v")):
        look: dict[str, Any] = {"marker": marker, "linestyle": "none", "clip_on": False, "zorder": 5}
        if beyond.any():
            panel.plot(gains[beyond], np.full(beyond.sum(), edge), color=FORECAST, markersize=5.5, **look)


def row_of(reach: NDArray[np.float64], Ts: NDArray[Any]) -> NDArray[np.float64]:
    """Where a T belongs on an axis whose rows 0, 1, ... are `Ts`: logarithmic between, going on outside."""
    if len(Ts) == 1:
        return np.asarray(np.log2(reach / Ts[0]))
    logs, target = np.log(Ts.astype(np.float64)), np.log(reach)
    at = np.clip(np.searchsorted(logs, target) - 1, 0, len(Ts) - 2)
    return np.asarray(at + (target - logs[at]) / (logs[at + 1] - logs[at]))


def _legend(gaps: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D(
            [], [], color=FORECAST, linewidth=1.6, marker="o", markersize=3.5, label="forecast: largest T"
        ),
        Line2D([], [], color=FORECAST, marker="^", linestyle="none", label="forecast beyond the map"),
    ]
    return [*handles, Patch(facecolor=GAP, label="not trained")] if gaps else handles

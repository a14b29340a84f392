"""Which remedy still solves the task as T grows: the share of seeds, beside the horizon before training."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, PercentFormatter

from gradlab.plots import _colors, _fitting, _style
from gradlab.stats import LEVEL, percent
from gradlab.studies.remedies.learned import learned
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow

READS = "remedies"
NEEDS: tuple[str, ...] = ()
MARKERS = "os^DvPX*"
"""With the colour, a second sign of each arm."""
BEFORE: dict[str, Any] = {"marker": "|", "markersize": 8, "markeredgewidth": 2.5, "linestyle": "none"}
"""The sign of a horizon before training."""
ABOVE = 0.035
"""One such sign stands so far above another, as a share of the axis."""
SPREAD = 0.012
"""Arms stand so far apart, as a share of the axis, that equal shares do not hide each other."""


def solved(run: TrainingRun) -> Figure:
    """Share of seeds that solved the task against T, one curve per arm, one panel per w_rec.

    Bars are Clopper and Pearson's 95 % intervals; diverged seeds count as failures. With a single T, one row
    an arm. A stroke at the foot: the lag by which an arm's transport had fallen by 10^3 before training,
    median over seeds; none where it had not within the longest T.
    """
    rows = run.outcomes()
    arms = list(dict.fromkeys(row.arm for row in rows))
    colors = _colors.arm_colors(run.about, arms)
    gains = list(dict.fromkeys(row.w_rec for row in rows))
    Ts = sorted({row.T for row in rows})
    with _style.style():
        height = 2.4 if len(Ts) > 1 else 0.5 + 0.24 * len(arms)
        figure, axes = _style.panels(len(gains), height=height)
        for panel, w_rec in zip(axes, gains, strict=True):
            panel.set_title(f"w_rec = {w_rec:g}" + f", T = {Ts[0]}" * (len(Ts) == 1))
            for a, arm in enumerate(arms):
                mine = sorted((r for r in rows if (r.arm, r.w_rec) == (arm, w_rec)), key=lambda r: r.T)
                look: dict[str, Any] = {"color": colors[arm], "marker": MARKERS[a % len(MARKERS)]}
                if len(Ts) > 1:
                    _curve(panel, mine, a - (len(arms) - 1) / 2, look)
                elif mine:
                    _row(panel, mine[0], len(arms) - 1 - a, look)
            if len(Ts) > 1:
                _over_T(panel, Ts)
                _horizons(panel, rows, w_rec, colors)
            else:
                _one_T(panel, arms)
        several = len(Ts) > 1
        _style.label(axes, "T" if several else "solved by", "solved by" if several else "")
        seeds = max(row.solved.of for row in rows)
        task = run.about.get("settings", {}).get("task", "")
        figure.suptitle(
            f"{task or 'Task'} solved: share of {seeds} seed{'s' * (seeds > 1)}, {percent(LEVEL)} interval"
        )
        if several:
            handles = [
                Line2D([], [], color=colors[arm], marker=MARKERS[a % len(MARKERS)], markersize=4.5, label=arm)
                for a, arm in enumerate(arms)
            ]
            before = "horizon before training"
            handles.append(Line2D([], [], color="0.45", label=before, **BEFORE))
            _fitting.legend(figure, handles, min(len(handles), 3))
    return figure


def _curve(panel: Axes, rows: list[ArmRow], place: float, look: dict[str, Any]) -> None:
    # A factor, since the axis is logarithmic.
    x = [row.T * (1 + 2 * SPREAD) ** place for row in rows]
    panel.errorbar(x, _shares(rows), _bars(rows), markersize=4.5, linewidth=1.3, elinewidth=0.8, **look)


def _horizons(panel: Axes, rows: list[ArmRow], w_rec: float, colors: dict[str, str]) -> None:
    """A stroke at each horizon, in the colour of its arm, one above the other, so that none is hidden."""
    low, high = panel.get_xlim()
    known = [one for one in learned(rows) if one.w_rec == w_rec and not math.isnan(one.horizon)]
    on_axis: dict[str, Any] = {"transform": panel.get_xaxis_transform(), "clip_on": False, "zorder": 4}
    for at, one in enumerate(known):
        panel.plot([one.horizon], [ABOVE * at], color=colors[one.arm], **on_axis, **BEFORE)
    panel.set_xlim(min([low, *(one.horizon / 1.1 for one in known)]), high)


def _row(panel: Axes, row: ArmRow, place: int, look: dict[str, Any]) -> None:
    panel.errorbar(
        _shares([row]), [place], xerr=_bars([row]), markersize=5.5, linestyle="none", elinewidth=1.4, **look
    )


def _shares(rows: list[ArmRow]) -> list[float]:
    return [row.solved.successes / max(row.solved.of, 1) for row in rows]


def _bars(rows: list[ArmRow]) -> Any:
    pairs = [
        (share - row.solved.low, row.solved.high - share)
        for row, share in zip(rows, _shares(rows), strict=True)
    ]
    return np.clip(np.array(pairs).T, 0.0, None)


def _over_T(panel: Axes, Ts: list[int]) -> None:
    panel.set_xscale("log", base=2)
    panel.set_xticks(Ts, [str(T) for T in Ts])
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.minorticks_off()
    panel.set_ylim(-0.04, 1.04)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))


def _one_T(panel: Axes, arms: list[str]) -> None:
    panel.set_yticks(range(len(arms)), _style.ticks(arms[::-1]))
    panel.set_ylim(-0.6, len(arms) - 0.4)
    panel.set_xlim(-0.02, 1.02)
    panel.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0])
    panel.xaxis.set_major_formatter(PercentFormatter(1.0))

"""Learning curves of a comparison: the median over seeds with a band, one panel per (T, w_rec)."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.plots import _colors, _fitting, _style
from gradlab.studies.remedies.results import TrainingRun

if TYPE_CHECKING:
    import pandas

READS = "remedies"
NEEDS: tuple[str, ...] = ()
NAMES = {
    "loss": "loss on fresh sequences",
    "train_loss": "loss on the training batch",
    "error": "error on fresh sequences",
    "gradient_norm": "norm of the gradient",
    "horizon": "soft horizon of the transport, T where it lies beyond",
}
STORED_AS_LOG = ("gradient_norm",)
FLOOR = 1e-12
"""A loss of 0 is drawn as this."""
DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), "-.")
"""Change when all colours have been used."""


def learning_curves(
    run: TrainingRun, *, metric: Literal["loss", "train_loss", "error", "gradient_norm", "horizon"] = "loss"
) -> Figure:
    """A metric against updates, one curve per arm: the median over seeds, the band over all of them.

    A seed that has solved the task keeps its last value from there on; one that has diverged counts as
    infinitely large, so a curve ends where most seeds have. A triangle stands where the median seed solved.
    """
    curves = run.curves[run.curves["metric"] == metric]
    arms = list(dict.fromkeys(run.table["arm"]))
    colors = _colors.arm_colors(run.about, arms)
    same = _colors.repeats(colors)
    points = list(dict.fromkeys(zip(run.table["T"], run.table["w_rec"], strict=True)))
    with _style.style():
        figure, axes = _style.panels(len(points), height=2.4)
        shown = []
        for panel, (T, w_rec) in zip(axes, points, strict=True):
            panel.set_title(f"T = {T}, w_rec = {w_rec:g}")
            here = curves[(curves["T"] == T) & (curves["w_rec"] == w_rec)]
            table = run.table[(run.table["T"] == T) & (run.table["w_rec"] == w_rec)]
            for arm in arms:
                dashes = DASHES[same[arm] % len(DASHES)]
                rows = table[table["arm"] == arm]
                values = followed(here[here["arm"] == arm], rows, metric in STORED_AS_LOG)
                shown.append(_curve(panel, *values, rows, colors[arm], dashes))
            _chance(panel, run.about.get("chance", {}).get(str(T)) if "loss" in metric else None)
            if not panel.collections:
                _style.note(panel, "nothing to draw:\nno update was looked at")
            elif here["update"].nunique() == 1:
                first = int(here["update"].iloc[0])
                words = f"one evaluation each, at update {first}:\na smaller --eval-every shows the way there"
                _style.note(panel, words, "upper right")
        low_high = np.concatenate([s for s in shown if len(s)] or [np.zeros(0)])
        for panel in axes:
            _style.log_limits(panel, low_high)
            panel.set_xlim(left=0)
        _style.label(axes, "updates", metric.replace("_", " "))
        seeds = run.table["seed"].nunique()
        title = f"{NAMES[metric][0].upper()}{NAMES[metric][1:]}"
        task = run.about.get("settings", {}).get("task", "")
        figure.suptitle(
            f"{title}{f', {task}' if task else ''}: median over {seeds} seed{'s' * (seeds > 1)} (band: all)"
        )
        handles = _legend(arms, colors, bool("loss" in metric and run.about.get("chance")))
        _fitting.legend(figure, handles, 3)
    return figure


def followed(
    curves: "pandas.DataFrame", table: "pandas.DataFrame", is_log: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Updates and log10 values `(seed, update)`: solved seeds keep their last, broken ones turn infinite."""
    wide = curves.pivot_table(index="seed", columns="update", values="value")
    wide = wide.reindex(index=sorted(set(table["seed"])))
    updates, values = wide.columns.to_numpy(np.float64), wide.to_numpy(np.float64)
    logs = values.copy() if is_log else np.log10(np.maximum(values, FLOOR))
    state = table.set_index("seed").loc[wide.index]
    for s in range(len(logs)):
        seen = np.flatnonzero(~np.isnan(logs[s]))
        last = seen[-1] if len(seen) else -1
        if state["broken_at"].iloc[s] > 0:
            logs[s, last + 1 :] = np.inf
        elif len(seen):
            logs[s, last + 1 :] = logs[s, last]
    return updates, logs


def _curve(
    panel: Axes,
    updates: NDArray[np.float64],
    logs: NDArray[np.float64],
    table: "pandas.DataFrame",
    color: str,
    dashes: Any,
) -> NDArray[np.float64]:
    """One arm; the finite values drawn."""
    if not logs.size or np.isnan(logs).all():
        return np.zeros(0)
    known = ~np.isnan(logs).all(axis=0)
    updates, logs = updates[known], logs[:, known]
    some = _style.thin(len(updates) - 1)
    updates, logs = updates[some], logs[:, some]
    middle = np.array([np.median(column[~np.isnan(column)]) for column in logs.T])
    finite = np.where(np.isfinite(logs), logs, np.nan)
    low, high = np.fmin.reduce(finite), np.fmax.reduce(finite)
    panel.fill_between(updates, low, high, color=color, alpha=0.15, linewidth=0)
    drawn = np.where(np.isfinite(middle), middle, np.nan)
    alone = "." if np.isfinite(drawn).sum() == 1 else ""
    panel.plot(updates, drawn, color=color, linestyle=dashes, linewidth=1.5, marker=alone)
    solved = np.where(table["solved_at"] > 0, table["solved_at"], np.inf)
    at = float(np.median(solved))
    if np.isfinite(at) and np.isfinite(drawn).any():
        ok = np.isfinite(drawn)
        panel.plot([at], [np.interp(at, updates[ok], drawn[ok])], "v", color=color, markersize=6, zorder=5)
    return finite[np.isfinite(finite)]


def _chance(panel: Axes, chance: float | None) -> None:
    if chance is not None and chance > 0:
        panel.axhline(np.log10(chance), color=_style.LINEAR, linewidth=0.9, linestyle=(0, (4, 3)))


def _legend(arms: list[str], colors: dict[str, str], chance: bool) -> list[Line2D]:
    same = _colors.repeats(colors)
    handles = [
        Line2D([], [], color=colors[arm], linewidth=1.5, linestyle=DASHES[same[arm] % len(DASHES)], label=arm)
        for arm in arms
    ]
    grey: dict[str, Any] = {"color": _style.LINEAR}
    handles.append(Line2D([], [], marker="v", linestyle="none", label="solved (median seed)", **grey))
    if chance:
        handles.append(Line2D([], [], linestyle=(0, (4, 3)), linewidth=0.9, label="chance", **grey))
    return handles

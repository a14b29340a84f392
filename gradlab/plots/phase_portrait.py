"""How the state of the one-unit network moves: its map, its fixed points, and paths on it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gradlab.plots import _colors, _fitting, _one_unit, _style
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep.results import Run

READS = ""
NEEDS: tuple[str, ...] = ()
MAP, ATTRACTS, REPELS = "#4d4d4d", _colors.CELLS[0], "#d55e00"
PATHS = (_colors.CELLS[2], _colors.CELLS[3])
STEPS = 30


def phase_portrait(
    run: Run | TrainingRun | None = None,
    *,
    w: float = 5.0,
    low: float | None = None,
    middle: float | None = None,
    high: float | None = None,
) -> Figure:
    """The map x' = w sigma(x) + b against the diagonal for three b, with two paths of 30 steps on each.

    Where the map crosses the diagonal less steeply than it, the state is drawn in; where more steeply,
    pushed away. If not named: b below, between and above the saddle-nodes. Reads no run.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """
    del run
    nodes = _one_unit.saddle_nodes(w)
    far = 0.5 if nodes is None else max(nodes[0][0] - nodes[1][0], 0.1)
    chosen = [
        -w / 2 + offset if b is None else b
        for b, offset in ((low, -1.5 * far), (middle, 0.0), (high, 1.5 * far))
    ]
    with _style.style():
        figure, axes = _style.panels(3, height=2.3)
        limit = max(abs(w) / 2 + 1.2, 1.5)
        for panel, b in zip(axes, chosen, strict=True):
            _portrait(panel, w, b, limit)
        _style.label(axes, "state x", "next state x'")
        figure.suptitle(f"One unit, x' = w σ(x) + b, w = {w:g}: two paths of {STEPS} steps")
        _fitting.legend(figure, _legend(), 3)
    return figure


def _portrait(panel: Axes, w: float, b: float, limit: float) -> None:
    """One b: map, diagonal, paths, fixed points."""
    x = np.linspace(-limit, limit, 400)
    panel.set_aspect("equal")
    panel.set_xlim(-limit, limit)
    panel.set_ylim(-limit, limit)
    panel.plot(x, x, color="#a0a0a0", linewidth=0.8, linestyle=(0, (4, 3)))
    panel.plot(x, _one_unit.step(x, w, b), color=MAP, linewidth=1.6)
    points = _one_unit.fixed_points(w, b)
    repellers = [p for p in points if abs(float(_one_unit.slope(p, w))) > 1]
    starts = (repellers[0] - 0.15, repellers[0] + 0.15) if repellers else (-0.9 * limit, 0.9 * limit)
    for start, color in zip(starts, PATHS, strict=True):
        panel.plot(*cobweb(start, w, b), color=color, linewidth=0.9)
        panel.plot([start], [start], marker=".", color=color, markersize=5)
    for point in points:
        drawn_in = abs(float(_one_unit.slope(point, w))) < 1
        face, edge = (ATTRACTS, ATTRACTS) if drawn_in else ("white", REPELS)
        panel.plot(
            [point],
            [point],
            "o",
            color=face,
            markeredgecolor=edge,
            markeredgewidth=1.4,
            markersize=6,
            zorder=6,
        )
    count = len(points) - len(repellers)
    words = "no point attracts" if not count else f"{count} attractor{'s' * (count > 1)}"
    panel.set_title(f"b = {b:.3g}: {words}")


def cobweb(start: float, w: float, b: float, steps: int = STEPS) -> tuple[list[float], list[float]]:
    """The path of a state as the map sees it: up or down to the map, across to the diagonal."""
    x, horizontal, vertical = start, [start], [start]
    for _ in range(steps):
        after = float(_one_unit.step(x, w, b))
        horizontal += [x, after]
        vertical += [after, after]
        x = after
    return horizontal, vertical


def _legend() -> list[Line2D]:
    def dot(face: str, edge: str, label: str) -> Line2D:
        return Line2D(
            [], [], marker="o", linestyle="none", color=face, markeredgecolor=edge, markersize=6, label=label
        )

    return [
        Line2D([], [], color=MAP, linewidth=1.6, label="x' of x"),
        Line2D([], [], color="#a0a0a0", linewidth=0.8, linestyle=(0, (4, 3)), label="x' = x"),
        dot(ATTRACTS, ATTRACTS, "attracts"),
        dot("white", REPELS, "repels"),
        *(
            Line2D([], [], color=color, linewidth=0.9, marker=".", markersize=5, label=f"path, {side} start")
            for color, side in zip(PATHS, ("lower", "upper"), strict=True)
        ),
    ]

"""The cliff in the error of one unit over its weight and bias, and descents that meet it."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.plots import _fitting, _one_unit, _style
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep.results import Run

READS = ""
NEEDS: tuple[str, ...] = ()
T, START, TARGET = 50, 0.5, 0.7
SIGMA = float(_one_unit.sigmoid(START))
GRID = 240
RANGE = (4.2, 5.4), (-2.9, -2.0)
BEGIN = (5.0, -2.3)
PATH, WALL = "#111111", "#d55e00"
SURFACE, LIGHT = "Blues", 1.7
"""The colours end before they get dark: a path is seen on all of them."""


class Slope(NamedTuple):
    """The error and its derivatives."""

    error: NDArray[np.float64]
    by_w: NDArray[np.float64]
    by_b: NDArray[np.float64]


def error_surface(
    run: Run | TrainingRun | None = None,
    *,
    rate: float = 0.05,
    clip: float = 0.5,
    steps: int = 200,
) -> Figure:
    """E = (sigma(x_50) - 0.7)^2 over (w, b), x_0 = 0.5, with descents of plain and of clipped gradient steps.

    x_t = w sigma(x_{t-1}) + b;   the wall: b = x_0 - w sigma(x_0) = 0.5 - 0.62246 w, where x_0 is the
    repeller, steep for w sigma'(x_0) = 0.2350 w > 1

    On the wall the gradient grows like (0.2350 w)^50: a plain step that meets it is thrown far away, a
    clipped one (g <- g min(1, clip/|g|)) keeps its direction and goes on. Reads no run.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks,
    Fig. 6.
    """
    del run
    w, b = (np.linspace(*ends, GRID) for ends in RANGE)
    field = surface(w[None, :], b[:, None])
    with _style.style():
        figure, axes = _style.panels(2, columns=2, height=2.7)
        norm = Normalize(0.0, LIGHT * float(field.error.max()))
        for panel, limit in zip(axes, (None, clip), strict=True):
            panel.grid(False)
            panel.pcolormesh(w, b, field.error, norm=norm, cmap=SURFACE, shading="nearest", rasterized=True)
            panel.plot(w, wall(w), color=WALL, linewidth=1.2, linestyle=(0, (4, 2)))
            panel.set_xlim(*RANGE[0])
            panel.set_ylim(*RANGE[1])
            _descent(panel, descend(*BEGIN, rate=rate, clip=limit, steps=steps), limit)
        _style.label(axes, "weight w", "bias b")
        bar = figure.colorbar(ScalarMappable(norm, SURFACE), ax=axes, aspect=30, pad=0.02)
        bar.set_label("error E")
        bar.ax.set_ylim(0.0, float(field.error.max()))
        figure.suptitle(
            f"One unit, x' = w σ(x) + b: E = (σ(x) - {TARGET})² after {T} steps from x = {START}; "
            f"{steps} descent steps of rate {rate:g}"
        )
        handles = [
            Line2D(
                [], [], color=WALL, linewidth=1.2, linestyle=(0, (4, 2)), label="wall, b = 0.5 - 0.6225 w"
            ),
            Line2D(
                [], [], color=PATH, linewidth=0.9, marker=".", markersize=4, label="descent, one dot per step"
            ),
            Line2D([], [], color=PATH, marker="o", markerfacecolor="white", linestyle="none", label="start"),
            Line2D([], [], color=PATH, marker="s", markerfacecolor="white", linestyle="none", label="end"),
        ]
        _fitting.legend(figure, handles, 4)
    return figure


def wall(w: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The bias at which x_0 is a fixed point of the unit with weight w."""
    return np.asarray(START - np.asarray(w) * SIGMA)


def surface(w: NDArray[np.float64] | float, b: NDArray[np.float64] | float) -> Slope:
    """E and its derivatives, carried forward beside the state: dx' = sigma dw + db + w sigma' dx."""
    x = np.full(np.broadcast_shapes(np.shape(w), np.shape(b)), START)
    by_w, by_b = np.zeros_like(x), np.zeros_like(x)
    for _ in range(T):
        s, steep = _one_unit.sigmoid(x), _one_unit.slope(x, w)
        x, by_w, by_b = _one_unit.step(x, w, b), s + steep * by_w, 1 + steep * by_b
    s = _one_unit.sigmoid(x)
    outer = 2 * (s - TARGET) * s * (1 - s)
    return Slope(np.asarray((s - TARGET) ** 2), outer * by_w, outer * by_b)


def descend(w: float, b: float, *, rate: float, clip: float | None, steps: int) -> NDArray[np.float64]:
    """(w, b) of every gradient step, the start first: `(steps + 1, 2)`."""
    place = np.array([w, b])
    path = [place]
    for _ in range(steps):
        found = surface(place[0], place[1])
        gradient = np.array([float(found.by_w), float(found.by_b)])
        norm = float(np.hypot(*gradient))
        if clip is not None and norm > clip:
            gradient = gradient * (clip / norm)
        place = place - rate * gradient
        path.append(place)
    return np.array(path)


def _descent(panel: Axes, path: NDArray[np.float64], limit: float | None) -> None:
    """The path, its longest step in words, and where it has gone if that is outside."""
    lengths = np.hypot(*np.diff(path, axis=0).T)
    panel.plot(path[:, 0], path[:, 1], color=PATH, linewidth=0.8, marker=".", markersize=3)
    panel.plot(*path[0], marker="o", color=PATH, markerfacecolor="white", markersize=5, linestyle="none")
    panel.plot(*path[-1], marker="s", color=PATH, markerfacecolor="white", markersize=5, linestyle="none")
    words = "plain steps" if limit is None else f"clipped to norm {limit:g}"
    panel.set_title(f"{words}: longest step {lengths.max():.2g}")
    (left, right), (low, high) = RANGE
    w, b = path[-1]
    if not (left <= w <= right and low <= b <= high):
        at = int(lengths.argmax())
        _style.note(
            panel, f"step {at + 1} lands at\n({path[at + 1, 0]:.3g}, {path[at + 1, 1]:.3g})", "lower left"
        )

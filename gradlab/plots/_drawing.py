"""Diagrams of cells in one visual language: layers are boxes, pointwise operations circles, copies dots."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from gradlab.plots._structures import Edge, Part, Structure

INK, SOFT, LAYER, POINT, STATE = "#333333", "#8a8a8a", "#f5e6b8", "#dcebf5", "#ffffff"
GRADIENT, WORDS = "#e8853a", "#9c4400"
WIDEST = 8.0
"""Line width, in points, of an edge that lets the whole gradient through."""
ROUND = 0.28
"""Radius of a corner."""
SIZES = {"layer": (0.68, 0.34), "squash": (0.5, 0.27), "times": (0.26, 0.26), "plus": (0.26, 0.26)}
SIZES |= {
    "minus": (0.32, 0.27),
    "port": (0.36, 0.3),
    "box": (3.2, 2.1),
    "chip": (0.62, 0.34),
    "join": (0.12, 0.12),
}
SIGNS = {"times": "×", "plus": "+", "minus": "1-"}
LEGEND = {
    "gradient": "gradient, against the arrows: × opening",
    "not_measured": "not measured on its own",
    "share": "share of the squared transport",
    "layer": "layer (weights)",
    "pointwise": "pointwise",
    "copy": "copy (white: join)",
}
UNKNOWN = LEGEND | {"gradient": "gradient; openings need --probe gates"}
"""The legend where the openings of the gates are not known."""
Point = tuple[float, float]


def draw(panel: Axes, structure: Structure, values: Mapping[str, float]) -> None:
    """Draw a cell; `values` is what each edge that names a measurement lets through, 1 for all of it."""
    panel.set_axis_off()
    panel.set_aspect("equal")
    panel.set_xlim(-0.9, 11.3)
    panel.set_ylim(-0.7, 5.1)
    for edge in structure.edges:
        _edge(panel, structure.parts, edge, values)
    for part in structure.parts.values():
        _part(panel, part, values)


def _edge(panel: Axes, parts: dict[str, Part], edge: Edge, values: Mapping[str, float]) -> None:
    """White halo, ribbon of the gradient, line of the forward pass with its arrow."""
    points = route(parts[edge.start], edge.link, parts[edge.end])
    path = _rounded(points)
    value = values.get(edge.carries, np.nan)
    known = bool(np.isfinite(value))
    line: dict[str, Any] = {"fill": False, "capstyle": "butt", "joinstyle": "round"}
    panel.add_patch(PathPatch(path, edgecolor="white", linewidth=3.5, zorder=1.9, **line))
    if known:
        width = max(WIDEST * min(value, 1.25), 0.8)
        panel.add_patch(PathPatch(path, edgecolor=GRADIENT, linewidth=width, alpha=0.75, zorder=2.0, **line))
    color = INK if known else SOFT
    panel.add_patch(PathPatch(path, edgecolor=color, linewidth=0.9 if known else 0.7, zorder=3, **line))
    if parts[edge.end].kind not in ("copy", "bend", "join"):
        panel.add_patch(_arrow(points[-2], points[-1], color))
    if known and edge.labelled:
        _label(panel, points, edge.carries, value)


def route(start: Part, link: str, end: Part) -> list[Point]:
    """The corners of an edge, from the rim of one part to the rim of the other."""
    if link == "-":  # level with whichever of the two is not the box
        y = end.y if start.kind == "box" else start.y
        points = [(start.x, y), (end.x, y)]
    else:
        corner = {"|-": [(start.x, end.y)], "-|": [(end.x, start.y)], "--": []}[link]
        points = [(start.x, start.y), *corner, (end.x, end.y)]
    points[0] = _rim(start, points[0], points[1])
    points[-1] = _rim(end, points[-1], points[-2])
    return points


def _rim(part: Part, middle: Point, towards: Point) -> Point:
    """Where the way from the middle of a part, up, down or sideways, leaves it."""
    wide, high = SIZES.get(part.kind, (0.0, 0.0))
    x, y = middle
    if abs(towards[0] - x) >= abs(towards[1] - y):
        return x + float(np.sign(towards[0] - x)) * wide, y
    return x, y + float(np.sign(towards[1] - y)) * high


def _rounded(points: list[Point]) -> Path:
    """The way through `points`, its corners rounded."""
    places, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        places += [_near(corner, before), corner, _near(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*places, points[-1]], [*codes, Path.LINETO])


def _near(corner: Point, other: Point) -> Point:
    gap = np.subtract(other, corner)
    length = float(np.hypot(*gap))
    x, y = corner + gap * (min(ROUND, length / 2) / length)
    return float(x), float(y)


def _arrow(before: Point, tip: Point, color: str) -> Polygon:
    along = np.subtract(tip, before) / np.hypot(*np.subtract(tip, before))
    across = np.array([-along[1], along[0]])
    base = np.asarray(tip) - 0.24 * along
    return Polygon(
        [tip, base + 0.11 * across, base - 0.11 * across], facecolor=color, edgecolor="none", zorder=3.2
    )


def _label(panel: Axes, points: list[Point], name: str, value: float) -> None:
    """The number of an edge, above a level one and to the left of an upright one."""
    lengths = [float(np.hypot(*np.subtract(b, a))) for a, b in itertools.pairwise(points)]
    at = int(np.argmax(lengths))
    (x0, y0), (x1, y1) = points[at], points[at + 1]
    level = abs(x1 - x0) > abs(y1 - y0)
    shares = name.startswith("share ")
    words = f"{value:.0%}" if shares else f"{'' if name == 'step' else name + ' '}×{value:.2f}"
    place = {"ha": "center", "va": "bottom"} if level else {"ha": "right", "va": "center"}
    x, y = (x0 + x1) / 2 - (0.0 if level else 0.2), (y0 + y1) / 2 + (0.2 if level else 0.0)
    panel.text(x, y, words, fontsize=6.5, color=WORDS, zorder=6, **place)  # type: ignore[arg-type]


def _part(panel: Axes, part: Part, values: Mapping[str, float]) -> None:
    x, y = part.x, part.y
    wide, high = SIZES.get(part.kind, (0.07, 0.07))
    if part.kind == "bend":
        return
    if part.kind in ("times", "plus", "copy", "join"):
        look = {"copy": (INK, INK), "join": (STATE, INK)}.get(part.kind, (POINT, INK))
        panel.add_patch(Circle((x, y), wide, facecolor=look[0], edgecolor=look[1], linewidth=0.7, zorder=4))
    elif part.kind != "port":
        face = {"layer": LAYER, "chip": LAYER, "box": "#fafafa"}.get(part.kind, POINT)
        curl = 0.08 if part.kind in ("layer", "chip", "box") else min(wide, high)
        style = f"round,pad=0,rounding_size={curl}"
        corner, size = (x - wide, y - high), (2 * wide, 2 * high)
        edge = {"edgecolor": INK, "linewidth": 0.7}
        panel.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, facecolor=face, zorder=4, **edge))  # type: ignore[arg-type]
    words = SIGNS.get(part.kind, part.word)
    if part.kind == "chip" and np.isfinite(values.get(part.word, np.nan)):
        panel.text(
            x,
            y - 0.62,
            f"×{values[part.word]:.2f}",
            ha="center",
            va="center",
            fontsize=6.5,
            color=WORDS,
            zorder=6,
        )
    if part.kind == "port":
        share = values.get(f"share {part.word}", np.nan)
        panel.text(
            x, y, words, ha="center", va="center", fontsize=8.5, fontweight="bold", color=INK, zorder=5
        )
        if np.isfinite(share) and not part.word.endswith("'"):
            panel.text(
                x, y - 0.62, f"{share:.0%}", ha="center", va="center", fontsize=7, color=WORDS, zorder=6
            )
    elif words:
        top = y + (high - 0.4 if part.kind == "box" else 0.0)
        points = 8.0 if part.kind in SIGNS else 6.5
        panel.text(x, top, words, ha="center", va="center", fontsize=points, color=INK, zorder=5)


def legend(words: Mapping[str, str] = LEGEND) -> list[Any]:
    """What the parts of a diagram are, in words of one's own or in ours."""
    ring: dict[str, Any] = {"linestyle": "none", "markeredgecolor": INK, "markeredgewidth": 0.7}
    box: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.7}
    return [
        Line2D([], [], color=GRADIENT, alpha=0.75, linewidth=5, label=words["gradient"]),
        Line2D([], [], color=SOFT, linewidth=0.7, label=words["not_measured"]),
        Line2D(
            [],
            [],
            linestyle="none",
            marker=TextPath((-3, -3), "%", size=8),
            markersize=8,
            color=WORDS,
            label=words["share"],
        ),
        Patch(facecolor=LAYER, label=words["layer"], **box),
        Line2D([], [], marker="o", markerfacecolor=POINT, markersize=7, label=words["pointwise"], **ring),
        Line2D(
            [],
            [],
            marker="o",
            markerfacecolor=INK,
            markersize=3.5,
            label=words["copy"],
            **ring,
        ),
    ]

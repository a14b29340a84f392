"""A figure as characters: blocks and dots where stdout has UTF-8, ASCII where not."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, PcolorImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch
from numpy.typing import NDArray
from rich.text import Text

from gradlab.escaping import plain
from gradlab.plots import _keys
from gradlab.plots._canvas import Canvas
from gradlab.plots._colors import lit

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEFT = 9
"""Columns for the numbers of the upright axis."""
ASCII = {"⁻": "-", "·": "*", "×": "x", "σ": "s", "−": "-", "²": "^2", "–": "-", "→": "->", "'": "'"}
ASCII |= {digit: str(n) for n, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}


def render(figure: Figure, width: int, *, unicode: bool, color: bool) -> Text:
    """Every panel of a figure under each other, at most `width` columns wide.

    Curves are dots (letters in ASCII, one a colour), maps are shades; what the colours mean follows below.
    """
    say = plain if unicode else _ascii
    text = Text(no_wrap=True, overflow="ignore", end="")
    title = figure.get_suptitle().strip()
    for line in title.split("\n") if title else ():
        text.append(f"{say(line)}\n", "bold" if color else "")
    letters: dict[str, str] = {}
    for axes in figure.axes:
        if axes.get_label() != "<colorbar>":
            _panel(text, axes, width, letters, say, unicode, color)
    mapped = bool(figure.findobj(_is_map))
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>" and mapped:
            _keys.bar(text, axes, say, unicode)
        elif axes.get_label() == "<colorbar>":
            _keys.curves(text, axes, letters, width, say, color)
    _keys.legend(text, figure, letters, say, unicode, color)
    return text


def _panel(text: Text, axes: Axes, width: int, letters: Any, say: Any, unicode: bool, color: bool) -> None:
    height = 12 if axes.axison else 17
    canvas = Canvas(max(width - LEFT - 1, 20), height, unicode)
    for mesh in axes.findobj(_is_map):
        _mesh(canvas, axes, mesh)
    for artist in sorted(axes.get_children(), key=lambda artist: artist.get_zorder()):
        _artist(canvas, axes, artist, letters)
    if unicode and axes.axison:
        _named(canvas, axes, letters)
    for words in axes.texts:
        place = words.get_transform().transform(words.get_position()) if words.get_text() else None
        if place is not None:
            x, y = axes.transAxes.inverted().transform(place)
            if 0 <= y <= 1:
                canvas.put(float(x), float(y), say(" ".join(words.get_text().split())))
    title = say("  ".join(axes.get_title().split("\n")))
    above = [t for t in axes.texts if t.get_transform() == axes.transAxes and t.get_position()[1] > 1]
    title += "".join(f"  ({say(t.get_text())})" for t in above)
    if title.strip():
        text.append(f"\n{' ' * LEFT} {title[: width - LEFT - 1]}\n")
    elif text:
        text.append("\n")
    ticks = _ticks(axes, canvas.height) if axes.axison else {}
    for row in range(canvas.height):
        edge = ("┤" if row in ticks else "│") if unicode else ("+" if row in ticks else "|")
        text.append(f"{say(ticks.get(row, ''))[:LEFT]:>{LEFT}}{edge if axes.axison else ' '}")
        for column in range(canvas.width):
            letter, shade = canvas.cell(row, column)
            text.append(letter, lit(shade) if color and shade else "")
        text.append("\n")
    if axes.axison:
        _below(text, axes, canvas, say, unicode)


def _is_map(artist: Any) -> bool:
    """A map, which is not the scale of one."""
    kinds = QuadMesh | AxesImage | PcolorImage
    return isinstance(artist, kinds) and getattr(artist.axes, "get_label", str)() != "<colorbar>"


def _named(canvas: Canvas, axes: Axes, letters: dict[str, str]) -> None:
    """Put a letter on each curve where there are several, each at a place of its own along them."""
    curves: dict[str, Any] = {}
    for artist in axes.get_children():
        level = isinstance(artist, Line2D) and artist.get_transform() != axes.transData
        for trace in () if level or not artist.get_visible() else _traces(axes, artist):
            if trace.joined and not trace.dashed and len(trace.points) > 1:
                curves.setdefault(trace.shade, _places(axes, trace.points))
    if len(curves) < 2:
        return
    for k, (shade, points) in enumerate(curves.items()):
        inside = points[np.isfinite(points).all(axis=-1) & ((points >= 0) & (points <= 1)).all(axis=-1)]
        if len(inside) > 1:
            place = (k + 0.5) / len(curves)
            x = inside[0, 0] + place * (inside[-1, 0] - inside[0, 0])
            y = (
                np.interp(x, inside[:, 0], inside[:, 1])
                if (np.diff(inside[:, 0]) > 0).all()
                else inside[-1, 1]
            )
            canvas.put(float(x), float(y), _letter(letters, shade), shade)


def _artist(canvas: Canvas, axes: Axes, artist: Any, letters: dict[str, str]) -> None:
    """Lines, dots and the boxes of diagrams; anything else is left out."""
    if not artist.get_visible():
        return
    if isinstance(artist, FancyBboxPatch):
        _box(canvas, axes, artist)
    elif isinstance(artist, PathPatch) and artist.get_zorder() >= 2:
        curve = artist.get_path().interpolated(4).vertices
        _polyline(canvas, _places(axes, axes.transData.transform(curve)), to_hex(artist.get_edgecolor()), ".")
    else:
        for points, shade, joined, dashed in _traces(axes, artist):
            letter = _letter(letters, shade) if not canvas.unicode else ""
            if joined:
                _polyline(canvas, _places(axes, points), shade, letter, dashed)
            else:
                _dots(canvas, _places(axes, points), shade, letter)


class _Trace(NamedTuple):
    """Points on the page, their colour, whether they are joined, and by dashes."""

    points: Any
    shade: str
    joined: bool
    dashed: bool


def _traces(axes: Axes, artist: Any) -> Iterator[_Trace]:
    """The points of lines and dots."""
    if isinstance(artist, Line2D):
        color: Any = artist.get_color()
        joined = artist.get_linestyle() not in ("None", "none", " ", "")
        points = artist.get_transform().transform(artist.get_xydata())
        yield _Trace(points, to_hex(color), joined, artist.is_dashed())
    elif isinstance(artist, LineCollection):
        colors: Any = artist.get_colors()
        patterns: Any = artist.get_linestyle()
        dashed = any(dashes is not None for _, dashes in patterns)
        for color, segment in zip(itertools.cycle(colors), artist.get_segments(), strict=False):
            yield _Trace(artist.get_transform().transform(np.asarray(segment)), to_hex(color), True, dashed)
    elif isinstance(artist, PathCollection):
        colors = artist.get_facecolor()
        shade = to_hex(colors[0]) if len(colors) else "#000000"
        yield _Trace(axes.transData.transform(np.asarray(artist.get_offsets())), shade, False, False)


def _box(canvas: Canvas, axes: Axes, box: FancyBboxPatch) -> None:
    """An outline."""
    x, y, w, h = box.get_x(), box.get_y(), box.get_width(), box.get_height()
    corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)])
    _polyline(canvas, _places(axes, axes.transData.transform(corners)), "", ".")


def _letter(letters: dict[str, str], shade: str) -> str:
    """In ASCII, a letter for each colour."""
    return letters.setdefault(shade, LETTERS[len(letters) % len(LETTERS)])


def _places(axes: Axes, points: Any) -> NDArray[np.float64]:
    return np.asarray(axes.transAxes.inverted().transform(np.asarray(points, np.float64)))


def _polyline(
    canvas: Canvas, points: NDArray[np.float64], shade: str, letter: str, dashed: bool = False
) -> None:
    fine: Any = np.isfinite(points).all(axis=-1)
    for k in range(len(points) - 1):
        if fine[k] and fine[k + 1]:
            ends = np.clip(points[k], -0.5, 1.5), np.clip(points[k + 1], -0.5, 1.5)
            canvas.line(*ends, shade, letter, dashed)
    if len(points) == 1:
        _dots(canvas, points, shade, letter)


def _dots(canvas: Canvas, points: NDArray[np.float64], shade: str, letter: str) -> None:
    # A little outside still counts: markers stand on the rim.
    for x, y in points:
        if abs(x - 0.5) <= 0.53 and abs(y - 0.5) <= 0.53:
            canvas.dot(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0), shade, letter)


def _mesh(canvas: Canvas, axes: Axes, mesh: Any) -> None:
    """A map: the colour of the value in the middle of each cell, and a shade for those without colours."""
    edges = _edges(mesh)
    shape = len(edges[1]) - 1, len(edges[0]) - 1
    array = mesh.get_array()
    if array is None or np.size(array) != shape[0] * shape[1]:
        return
    values: Any = np.ma.filled(np.ma.asarray(array, float), np.nan).reshape(shape)
    shades = (
        _keys.SIGNED if mesh.norm.vmin is not None and mesh.norm.vmin < 0 < mesh.norm.vmax else _keys.SHADES
    )
    marks = shades[canvas.unicode]
    inverse = axes.transData.inverted()
    for row in range(canvas.height):
        for column in range(canvas.width):
            at = ((column + 0.5) / canvas.width, 1 - (row + 0.5) / canvas.height)
            x, y = inverse.transform(axes.transAxes.transform(at))
            i, j = int(np.searchsorted(edges[1], y)) - 1, int(np.searchsorted(edges[0], x)) - 1
            if not (0 <= i < shape[0] and 0 <= j < shape[1]) or np.isnan(values[i, j]):
                continue
            level = float(mesh.norm(values[i, j]))
            canvas.text[row, column] = marks[min(max(int(level * len(marks)), 0), len(marks) - 1)]
            canvas.color[row, column] = to_hex(mesh.cmap(level))
            canvas.ground[row, column] = True


def _edges(mesh: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges of the columns and of the rows."""
    if isinstance(mesh, QuadMesh):
        grid: Any = mesh.get_coordinates()
        return np.asarray(grid[0, :, 0]), np.asarray(grid[:, 0, 1])
    if isinstance(mesh, PcolorImage):
        known = vars(mesh)  # where matplotlib keeps them; there is no method that says them
        return np.asarray(known["_Ax"]), np.asarray(known["_Ay"])
    left, right, bottom, top = mesh.get_extent()
    rows, columns = mesh.get_array().shape[:2]
    return np.linspace(left, right, columns + 1), np.linspace(bottom, top, rows + 1)


def _ticks(axes: Axes, height: int) -> dict[int, str]:
    """The words of the upright axis by row."""
    found = {}
    for tick, words in zip(axes.get_yticks(), _words(axes.yaxis), strict=True):
        y = _places(axes, axes.transData.transform([(axes.get_xlim()[0], tick)]))[0][1]
        if -1e-9 <= y <= 1 + 1e-9 and words:
            found[min(int((1 - y) * height), height - 1)] = words
    return found


def _words(axis: Any) -> list[str]:
    return [
        _without_marks(words) for words in axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    ]


def _without_marks(words: str) -> str:
    """Words without the marks of mathematics."""
    return words.replace("$\\mathdefault{", "").replace("}$", "")


def _below(text: Text, axes: Axes, canvas: Canvas, say: Any, unicode: bool) -> None:
    """The level axis: its line, its numbers where they do not touch, and its name."""
    line, numbers = ["─" if unicode else "-"] * canvas.width, [" "] * canvas.width
    free = 0
    for tick, words in zip(axes.get_xticks(), _words(axes.xaxis), strict=True):
        x = _places(axes, axes.transData.transform([(tick, axes.get_ylim()[0])]))[0][0]
        if not -1e-9 <= x <= 1 + 1e-9:
            continue
        at = min(int(x * canvas.width), canvas.width - 1)
        line[at] = "┬" if unicode else "+"
        words = say(words)
        first = min(max(at - len(words) // 2, 0), canvas.width - len(words))
        if first >= free:
            numbers[first : first + len(words)] = words
            free = first + len(words) + 1
    corner = "└" if unicode else "+"
    text.append(f"{' ' * LEFT}{corner}{''.join(line)}\n{' ' * LEFT} {''.join(numbers).rstrip()}\n")
    names = " against ".join(filter(None, (axes.get_ylabel(), axes.get_xlabel())))
    if names:
        text.append(f"{' ' * LEFT} {say(names)[: canvas.width]}\n")


def _ascii(words: str) -> str:
    """Words in ASCII."""
    return "".join(ASCII.get(letter, letter if letter.isascii() else "?") for letter in plain(words))

"""The one style of all plots: sizes, colours, panels, and files that are equal byte for byte."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from gradlab.escaping import plain
from gradlab.plots._fitting import broken
from gradlab.runs.files import replace, storage

WIDTH = 7.2
"""Of a full figure, in inches: two columns of a page."""
DPI = 150
LONGEST_TICK = 48
"""Characters of a name beside an axis."""
POINTS = 500
"""A curve is drawn through at most this many points."""

QUANTITY = {
    "adjoint": ("adjoint", "|dL / dstate|", "#0072b2"),
    "transport": ("transport", "largest singular value of dstate(T) / dstate(t)", "#d55e00"),
    "transport_frobenius": ("transport (Frobenius)", "|dstate(T) / dstate(t)|", "#cc79a7"),
    "weight_gradient": ("weight gradient", "part of dL / dW_rec from step t", "#009e73"),
    "reach": ("reach", "largest singular value of dreadout(T) / dx(t)", "#8a6500"),
    "reach_frobenius": ("reach (Frobenius)", "|dreadout(T) / dx(t)|", "#8a6500"),
    "readout_transport": (
        "readout transport",
        "largest singular value of dreadout(T) / dreadout(t), the rest of the state held",
        "#5b3f8c",
    ),
}
LINEAR = "#4d4d4d"
"""Of theory lines: the linear law and the linear border."""

DIVERGING = LinearSegmentedColormap.from_list(
    "gradlab", ["#7cc4ee", "#2e86c8", "#1b4f80", "#1c1c1c", "#8c3a12", "#d9601a", "#f7a668"]
)
"""Curves over w_rec: blue below 1, black at 1, orange above; every colour is readable on white."""
RATES = "RdBu_r"
"""Filled maps of a rate: blue vanishes, white is flat, red explodes."""

_CORNERS = {
    "lower left": (0.03, 0.04, "left", "bottom"),
    "upper right": (0.98, 0.95, "right", "top"),
    "center": (0.5, 0.5, "center", "center"),
}

SILENT = {
    "svg": ("Date", "Creator"),
    "png": ("Software",),
    "pdf": ("CreationDate", "Creator", "Producer"),
}
"""Formats of a figure, and what their files do not say: when and by what they were made."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "figure.titlesize": 9.5,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "gradlab",
}
LETTERS: Any = {"svg.fonttype": "none"}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The settings under which every figure is made and saved, whatever the user's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


class _Shown(Figure):
    """A figure that shows itself in a notebook, with or without pyplot."""

    def _repr_png_(self) -> bytes:
        return drawn(self, "png")


def panels(
    count: int, *, columns: int = 3, height: float = 2.5, share_y: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` equal panels that share their axes, at most `columns` in a row.

    A last row of fewer stands in the middle.
    """
    columns = min(count, 2 if count == 4 and columns > 2 else columns)
    rows = math.ceil(count / columns)
    width = WIDTH if columns > 1 else 0.75 * WIDTH
    figure = _Shown(figsize=(width, 1.1 + height * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, 2 * columns)
    last = count - columns * (rows - 1)
    axes: list[Axes] = []
    for i in range(count):
        row, column = divmod(i, columns)
        start = 2 * column + (columns - last) * (row == rows - 1)
        shared: dict[str, Any] = {"sharex": axes[0], "sharey": axes[0] if share_y else None} if axes else {}
        panel = figure.add_subplot(grid[row, start : start + 2], **shared)
        # Above a row of fewer, panels stand over a gap.
        panel.xaxis.set_tick_params(labelbottom=row >= rows - 1 - (last < columns))
        panel.yaxis.set_tick_params(labelleft=column == 0 or not share_y)
        axes.append(panel)
    return figure, axes


def label(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the axes once a column and once a row."""
    rows = set()
    for panel in axes:
        spec = panel.get_subplotspec()
        row = spec.rowspan.start if spec is not None else None
        if row not in rows:
            panel.set_ylabel(y)
        rows.add(row)
        if panel.xaxis.get_tick_params()["labelbottom"]:
            panel.set_xlabel(x)


def ticks(names: Sequence[str]) -> list[str]:
    """Names beside an axis: printable, and short enough to leave the plot some room.

    >>> ticks(["lstm", "a" * 99])[1][-5:]
    'aa...'
    """
    found = map(plain, names)
    return [name if len(name) <= LONGEST_TICK else f"{name[: LONGEST_TICK - 3]}..." for name in found]


def w_rec_norm(w_rec: NDArray[np.float64]) -> Normalize:
    """Colours over `w_rec`, centred at 1 and equally far in both directions."""
    reach = max(float(np.abs(w_rec - 1).max()), 0.05)
    return Normalize(1.0 - reach, 1.0 + reach)


def powers_of_ten(axis: Any) -> None:
    """Label an axis of log10 values as powers of ten, at whole decades."""
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 3, 5, 10], integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: "10" + str(round(value)).translate(_SUPERSCRIPT)))


def log_limits(axes: Axes, values: NDArray[np.float64]) -> None:
    """Limits of a log10 axis around `values`, over a decade at least, labelled as powers of ten."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (-1.0, 1.0)
    if high - low < 2:
        low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
    room = 0.05 * (high - low)
    axes.set_ylim(low - room, high + room)
    powers_of_ten(axes.yaxis)


def lag_limits(axes: Axes, T: int) -> None:
    """The axis of lags, 0 to T, with whole numbers."""
    axes.set_xlim(0, max(T, 1))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def x_limits(axes: Axes, values: NDArray[np.float64]) -> None:
    """The horizontal axis from the least to the greatest value, and a little further if they are equal."""
    low, high = float(values.min()), float(values.max())
    axes.set_xlim(low, high if high > low else low + _beside(low))


def edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of columns at these values, in rising order: midway between neighbours."""
    at = np.sort(values)
    if len(at) == 1:
        return np.array([at[0] - _beside(at[0]), at[0] + _beside(at[0])])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def _beside(value: float) -> float:
    """A distance that can be seen beside a value alone, however large it is."""
    return 0.05 * max(1.0, abs(value))


def thin(last: int, points: int = POINTS) -> NDArray[np.intp]:
    """At most `points` of the positions 0..last, both ends among them."""
    return np.unique(np.linspace(0, last, min(last + 1, points)).round().astype(np.intp))


def note(axes: Axes, text: str, where: Literal["lower left", "upper right", "center"] = "center") -> None:
    """Words inside a panel."""
    x, y, ha, va = _CORNERS[where]
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": ha, "va": va}
    axes.text(x, y, text, fontsize=7, color="#333333", bbox=box, zorder=10, **place)


def alone(norms: Any) -> str:
    """What a plot over w_rec needs, as the last line of its title; empty where it is there."""
    if norms.sizes["w_rec"] > 1 or norms.attrs.get("networks") == "given":
        return ""
    return "\none w_rec; curves and borders take several: --w-rec 0.5:1.5:11"


def span(labels: Sequence[float | int]) -> str:
    """A set of numbers in a few characters: all of them, or how many between which.

    >>> span([0.5, 1.0]), span([1, 2, 3, 4, 5])
    ('0.5, 1', '1..5 (5 values)')
    """
    if len(labels) <= 3:
        return ", ".join(f"{x:g}" for x in labels)
    return f"{min(labels):g}..{max(labels):g} ({len(labels)} values)"


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write `name.svg` and `name.png`."""
    files = [folder / f"{name}.svg", folder / f"{name}.png"]
    with style():
        broken(figure)
    layout = figure.get_layout_engine()
    if layout is not None:
        with style():
            layout.execute(figure)
        figure.set_layout_engine("none")
    for file in files:
        write(figure, file)
    return files


def write(figure: Figure, path: Path) -> None:
    """Write one file, whole or not at all; equal figures give equal bytes (no date, no random ids).

    The ending of its name says the format, one of `SILENT`. The error is that of `files.storage`.
    """
    content = drawn(figure, path.suffix.lower().removeprefix("."))
    with storage(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, content)


def drawn(figure: Figure, kind: str, *, letters: bool = False) -> bytes:
    """The figure as a file of this kind; its texts are printable, whatever they were.

    With `letters` an SVG has them as text, which can be selected and looks for fonts where it is shown; else
    as outlines, which are the same everywhere.
    """
    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isprintable():
            text.set_text("\n".join(map(plain, text.get_text().split("\n"))))
    file = io.BytesIO()
    with style(), matplotlib.rc_context(LETTERS if letters else {}), warnings.catch_warnings():
        # A letter that the font lacks becomes a box, which is no reason to stop.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        broken(figure)
        figure.savefig(file, format=kind, metadata=dict.fromkeys(SILENT[kind]))
    return file.getvalue()

"""The lesson's figures as SVG, from their numbers alone."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, Patch
from matplotlib.ticker import MaxNLocator

from gradlab.lesson import colored
from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import (
    Anatomy,
    Chain,
    Chains,
    Chapter,
    Chart,
    Curve,
    Drawing,
    Form,
    Grid,
    Strip,
    Table,
    Unrolled,
)
from gradlab.lesson.words import plain
from gradlab.lesson.written import written
from gradlab.plots import _colors, _drawing, _fitting, _style
from gradlab.plots._inline import inline
from gradlab.plots._structures import structure

DOTS: Any = {
    "color": colored.DOTS,
    "marker": "o",
    "markersize": 2.5,
    "fillstyle": "none",
    "linestyle": "none",
}
BAND: Any = {"alpha": 0.25, "linewidth": 0}
ARROW: Any = {"arrowstyle": "-|>", "color": "#555555", "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
PHONE = 4.0
"""Inches of a figure that a phone shows, letters as large as in the others."""


def draw(drawing: Drawing, language: Language = ENGLISH, *, phone: bool = False) -> Figure:
    """The figure of a drawing, or one that a `phone` has room for; a `Table` is no figure."""
    with _style.style():
        if isinstance(drawing, Anatomy):
            figure = _anatomy(drawing, phone, language)
        else:
            figure = _DRAW[type(drawing)](drawing, phone)
        if language.decimal != ENGLISH.decimal:
            written(figure, language)
        return figure


def save(folder: Path, number: int, chapter: Chapter, language: Language = ENGLISH) -> list[Path]:
    """Write the figures of a chapter as `chapter-NUMBER-NAME.svg` and `.png`; tables are none.

    The error is that of `files.storage`.
    """
    return [
        path
        for given in chapter.figures
        if not isinstance(given.drawing, Table)
        for path in _style.save(draw(given.drawing, language), folder, f"chapter-{number}-{given.name}")
    ]


def svg(drawing: Drawing, name: str, words: str, language: Language = ENGLISH, *, phone: bool = False) -> str:
    """The figure as an element of a page: its ids begin with `name`, and `words` stand for it."""
    drawn = _style.drawn(draw(drawing, language, phone=phone), "svg", letters=True).decode()
    return inline(drawn, f"{name}-", plain(words))


def _chart(chart: Chart, phone: bool) -> Figure:
    figure, axes = _style.panels(len(chart.panels), columns=1 if phone else 2, height=2.3)
    if phone:
        figure.set_figwidth(PHONE)
    for panel, given in zip(axes, chart.panels, strict=True):
        panel.set_title(given.title)
        for i, (curve, shade) in enumerate(_lines(given.curves)):
            # The first ones are wider, so that they show where a later one lies on them.
            panel.plot(curve.x, curve.y, color=shade, linewidth=max(1.0, 2.4 - 0.6 * i))
        shades = colored.shades(given.curves)
        for curve, band, shade in zip(given.curves, given.bands, shades, strict=False):
            if band is not None and curve.look != "dots":
                panel.fill_between(band.x, band.low, band.high, color=shade, **BAND)
        for curve in given.curves:
            if curve.look == "dots":
                panel.plot(curve.x, curve.y, **DOTS)
        if all(x.is_integer() for curve in given.curves for x in curve.x):
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        if chart.powers:
            lines = [c.y for g in chart.panels for c in g.curves]
            ends = [end for g in chart.panels for band in g.bands if band for end in (band.low, band.high)]
            values = np.concatenate([*lines, *ends])
            _style.log_limits(panel, values[np.isfinite(values)])
    _style.label(axes, plain(chart.x), plain(chart.y))
    shown = chart.panels[0].curves
    handles: list[Artist] = [
        Line2D([], [], color=shade, label=plain(curve.label)) for curve, shade in _lines(shown)
    ]
    dots = [curve for curve in shown if curve.look == "dots"]
    handles += [Line2D([], [], label=plain(curve.label), **DOTS) for curve in dots[:1]]
    if chart.band:
        handles += [Patch(label=chart.band, facecolor=_style.LINEAR, **BAND)]
    if len(handles) > 1 or chart.band:
        most = 2 if phone else 3 if len(handles) > 4 else len(handles)
        _fitting.legend(figure, handles, most)
    return figure


def _lines(curves: tuple[Curve, ...]) -> list[tuple[Curve, str]]:
    """Those that have a colour of their own, with it."""
    colors = zip(curves, colored.shades(curves), strict=True)
    return [(curve, shade) for curve, shade in colors if curve.look != "dots"]


def _unrolled(drawing: Unrolled, phone: bool) -> Figure:
    size = (PHONE if phone else 0.8 * _style.WIDTH, (1.35 if phone else 1.75) * len(drawing.forms) + 0.2)
    figure = Figure(figsize=size, dpi=_style.DPI, layout="constrained")
    most = max(max(form.adjoint) for form in drawing.forms)
    for panel, form in zip(figure.subplots(len(drawing.forms), 1), drawing.forms, strict=True):
        _form(panel, form, most)
    return figure


def _form(panel: Axes, form: Form, most: float) -> None:
    """Circles for states, arrows for W, inputs from below and terms of the loss above."""
    T = len(form.adjoint)
    panel.set_xlim(0.2, T + 0.8)
    panel.set_ylim(-1.15, 1.3)
    panel.set_aspect("equal")
    panel.axis("off")
    panel.set_title(form.title, loc="left", fontweight="bold")
    for t, size in enumerate(form.adjoint, start=1):
        panel.add_patch(Circle((t, 0), 0.3, facecolor="white", edgecolor="#333333", linewidth=0.9))
        panel.add_patch(Circle((t, 0), 0.3 * (size / most) ** 0.5, facecolor="#e0823d", edgecolor="none"))
        panel.text(t + 0.24, -0.4, f"{size:.3g}", fontsize=6.5, ha="left", va="center")
        if t < T:
            panel.annotate("", (t + 0.69, 0), (t + 0.31, 0), arrowprops=ARROW)
            panel.text(t + 0.5, 0.13, "W", fontsize=6.5, ha="center", color="#555555")
        if form.fed[t - 1]:
            panel.annotate("", (t, -0.31), (t, -0.72), arrowprops=ARROW)
            panel.text(t, -0.92, f"x{t}", fontsize=7, ha="center", va="center")
        if form.judged[t - 1]:
            panel.annotate("", (t, 0.72), (t, 0.31), arrowprops=ARROW)
            panel.text(t, 0.92, f"L{t}", fontsize=7, ha="center", va="center", color="#b84a00")


def _chains(drawing: Chains, phone: bool) -> Figure:
    most = max(len(row.links) for row in drawing.rows)
    size = (PHONE if phone else 0.8 * _style.WIDTH, (1.3 if phone else 1.55) * len(drawing.rows) + 0.1)
    figure = Figure(figsize=size, dpi=_style.DPI, layout="constrained")
    panels = figure.subplots(len(drawing.rows), 1, squeeze=False)[:, 0]
    for k, (panel, row) in enumerate(zip(panels, drawing.rows, strict=True)):
        panel.set_xlim(0.3, most + 0.9)
        panel.set_ylim(-1.35, 1.35)
        panel.axis("off")
        panel.set_title(row.title, loc="left", fontweight="bold")
        _chain(panel, row, before=drawing.onward and k > 0, after=drawing.onward and k + 1 < len(panels))
    return figure


def _chain(panel: Axes, row: Chain, *, before: bool, after: bool) -> None:
    """A row of states; arrows `before` and `after` it say that it goes on elsewhere."""
    last, way = len(row.links), {"arrowprops": ARROW}
    if before:
        panel.annotate("", (0.72, 0), (0.35, 0), **way)
    for at, link in enumerate(row.links, start=1):
        face = "#e0823d" if link.held else "white"
        panel.plot(
            [at], [0], "o", markersize=15, markerfacecolor=face, markeredgecolor="#333333", clip_on=False
        )
        if at < last or after:
            panel.annotate("", (at + 0.72, 0), (at + 0.28, 0), **way)
        panel.text(at + 0.5, 0.12, "W" if at < last else "", fontsize=6.5, ha="center", color="#555555")
        for words, y, (tip, tail), side in (
            (link.below, -0.78, (-0.36, -0.7), "top"),
            (link.above, 0.78, (0.7, 0.36), "bottom"),
        ):
            if words:
                panel.annotate("", (at, tip), (at, tail), **way)
                panel.text(at, y, words, fontsize=7, ha="center", va=side, linespacing=1.1)
    if row.loop:
        ends = (last + 0.2, 0.22), (last + 0.2, -0.22)
        look: dict[str, Any] = {"mutation_scale": 9, "connectionstyle": "arc3,rad=-1.6", **ARROW}
        panel.add_patch(FancyArrowPatch(*ends, **look))
        panel.text(last + 0.6, 0, "W", fontsize=6.5, ha="left", va="center", color="#555555")


def _grid(drawing: Grid, phone: bool) -> Figure:
    size = (PHONE, 3.6) if phone else (_style.WIDTH, 4.2)
    figure = Figure(figsize=size, dpi=_style.DPI, layout="constrained")
    panel = figure.add_subplot()
    values = np.asarray(drawing.values)
    low = np.quantile(values[np.isfinite(values)], 0.02)
    panel.grid(False)
    shown = np.clip(np.where(np.isfinite(values), values, low), low, None)
    edges = (_edges(drawing.x), _edges(drawing.y))
    image = panel.pcolorfast(*edges, shown, cmap="Blues")
    dashes = ((0, (4, 3)), "-", "-")
    looks = itertools.cycle(zip(colored.OVER_MAP, dashes, strict=True))
    for curve, (shade, dash) in zip(drawing.lines, looks, strict=False):
        walk: dict[str, Any] = {"marker": "o", "markersize": 2.5} if curve.look == "dots" else {}
        panel.plot(curve.x, curve.y, linewidth=1, label=curve.label, color=shade, linestyle=dash, **walk)
    panel.set_xlim(drawing.x[0], drawing.x[-1])
    panel.set_ylim(drawing.y[0], drawing.y[-1])
    _style.label([panel], drawing.names[0], drawing.names[1])
    bar = figure.colorbar(image, ax=panel, pad=0.02)
    _style.powers_of_ten(bar.ax.yaxis)
    bar.set_label(drawing.names[2])
    handles, labels = panel.get_legend_handles_labels()
    _fitting.legend(figure, handles, 1 if phone else 3, labels)
    return figure


def _edges(middles: tuple[float, ...]) -> Any:
    half = (middles[1] - middles[0]) / 2
    return np.linspace(middles[0] - half, middles[-1] + half, len(middles) + 1)


def _strip(drawing: Strip, phone: bool) -> Figure:
    # Characters a line, inches in all, and the share of them that the names take.
    letters, width, names = (38, PHONE, 0.25) if phone else (80, _style.WIDTH, 0.16)
    lines = drawing.lines(letters)
    rows = len(drawing.rows)
    figure = Figure(figsize=(width, 0.3 + len(lines) * (0.27 + 0.17 * rows)), dpi=_style.DPI)
    panel = figure.add_axes((names, 0.02, 0.99 - names, 0.96))
    panel.axis("off")
    height = rows + 2.2
    for line, (first, end) in enumerate(lines):
        top = -line * height
        for k, letter in enumerate(drawing.shown(first, end)):
            panel.text(
                k + 0.5, top + 0.5, letter, family="DejaVu Sans Mono", fontsize=7, ha="center", va="center"
            )
        for r, (label, values) in enumerate(drawing.rows):
            some = np.asarray(values[first:end])[None]
            panel.imshow(
                some,
                extent=(0, some.shape[1], top - r - 0.95, top - r - 0.1),
                cmap=_style.RATES,
                vmin=-1,
                vmax=1,
                aspect="auto",
                interpolation="nearest",
            )
            panel.text(-0.6, top - r - 0.5, plain(label), fontsize=6, ha="right", va="center")
    panel.set_xlim(0, letters)
    panel.set_ylim(-len(lines) * height + 1, 1.2)
    return figure


def _anatomy(drawing: Anatomy, phone: bool, language: Language) -> Figure:
    say = language.of("drawing")
    words = {
        "gradient": say("gradient"),
        "not_measured": say("not_measured"),
        "share": say("share"),
        "layer": say("layer"),
        "pointwise": say("pointwise"),
        "copy": say("copy"),
    }
    figure, axes = _style.panels(len(drawing.cells), columns=1 if phone else 2, height=2.0)
    if phone:
        figure.set_figwidth(PHONE)
    for panel, cell in zip(axes, drawing.cells, strict=True):
        values = (
            cell.values | {"1": 1.0} | {f"1-{gate}": 1 - value for gate, value in cell.openings().items()}
        )
        _drawing.draw(panel, structure(cell.cell, list(cell.parts), list(cell.openings())), values)
        panel.set_title(cell.title, color=_colors.cell_color(cell.cell), fontweight="bold")
    _fitting.legend(figure, _drawing.legend(words), 1 if phone else 3)
    return figure


_DRAW: dict[type, Callable[[Any, bool], Figure]] = {
    Chart: _chart,
    Unrolled: _unrolled,
    Chains: _chains,
    Grid: _grid,
    Strip: _strip,
}

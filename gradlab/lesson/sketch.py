"""The lesson's figures in letters, for a terminal, each curve in the colour that it has on a page."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.text import Text

from gradlab.lesson import colored
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import (
    Anatomy,
    Band,
    Chain,
    Chains,
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
from gradlab.plots import _colors

HEIGHT = 12
BLOCKS = {True: "▁▂▃▄▅▆▇█", False: "_.:-=+*#"}
SHADES = {True: " ░▒▓█", False: " .:+#"}
MARKS = "abcdefgh"
BAND = "."
LINK = 9
"""Columns of a state in a chain."""
FINE = 300
"""Points of each step of a walk: some of a long one are within the map."""

Piece = tuple[str, str]
"""Letters, and their colour; none if empty."""
Line = str | list[Piece]


def sketch(drawing: Drawing, width: int, language: Language = ENGLISH, *, unicode: bool) -> list[Text]:
    """The lines of a drawing, none longer than `width`."""
    lines: Sequence[Line] = _SKETCH[type(drawing)](drawing, width, language.of("sketch"), unicode)
    return [_shown(line, width, unicode) for line in lines]


def _shown(line: Line, width: int, unicode: bool) -> Text:
    shown = Text()
    for letters, shade in [(line, "")] if isinstance(line, str) else line:
        shown.append(plain(letters, unicode=unicode), _colors.lit(shade) if shade else "")
    shown.truncate(width)
    shown.rstrip()
    return shown


def _chart(chart: Chart, width: int, say: Say, unicode: bool) -> list[Line]:
    every = [curve for panel in chart.panels for curve in panel.curves]
    x = np.concatenate([curve.x for curve in every])
    bands = [band for panel in chart.panels for band in panel.bands if band]
    y = np.concatenate([*(curve.y for curve in every), *(end for b in bands for end in (b.low, b.high))])
    y = y[np.isfinite(y)]
    box = (float(x.min()), float(x.max()), float(y.min()), float(y.max()))
    lines: list[Line] = []
    for panel in chart.panels:
        if panel.title:
            lines += [f"{panel.title}:"]
        lines += _canvas(panel.curves, box, width, say, powers=chart.powers, bands=panel.bands)
        left, right = (say.language.written(f"{end:g}") for end in box[:2])
        lines += [f"{'':>9}{say('axes', x=chart.x, left=left, right=right, y=chart.y)}"]
        told = [(f"{BAND} {chart.band}", "")] if any(panel.bands) else []
        lines += _wrapped([*_legend(panel.curves, colored.shades(panel.curves)), *told], width - 9)
        lines += [""]
    return lines[:-1]


def _marks(curves: tuple[Curve, ...]) -> list[str]:
    """A letter a line; dots that say the same share one."""
    dots = {curve.label for curve in curves if curve.look == "dots"}
    letters = iter(MARKS)
    return ["o" if curve.look == "dots" and len(dots) == 1 else next(letters) for curve in curves]


def _legend(curves: tuple[Curve, ...], shades: Sequence[str]) -> list[Piece]:
    named = zip(_marks(curves), curves, shades, strict=True)
    return list(dict.fromkeys((f"{mark} {curve.label}", shade) for mark, curve, shade in named))


def _wrapped(names: list[Piece], width: int) -> list[Line]:
    """Names side by side, as many as fit."""
    lines: list[list[Piece]] = []
    room = 0
    for name, shade in names:
        wide = len(plain(name))
        if not lines or wide + 3 > room:
            lines.append([(" " * 9, ""), (name, shade)])
            room = width - wide
        else:
            lines[-1] += [("   ", ""), (name, shade)]
            room -= wide + 3
    return [*lines]


def _canvas(
    curves: tuple[Curve, ...],
    box: tuple[float, float, float, float],
    width: int,
    say: Say,
    *,
    powers: bool,
    bands: tuple[Band | None, ...] = (),
) -> list[Line]:
    """Curves as letters in a box of x and y; where two meet, the later one shows, and bands below them."""
    columns = width - 10
    cells, inks = np.full((HEIGHT, columns), " "), np.full((HEIGHT, columns), "", dtype="<U7")
    left, right, low, high = box
    high = high if high > low else low + 1
    right = right if right > left else left + 1
    shades = colored.shades(curves)
    for band, shade in zip(bands, shades, strict=False):
        if band is not None:
            fine = np.linspace(left, right, columns)
            ends = [np.interp(fine, band.x, y, left=np.nan, right=np.nan) for y in (band.low, band.high)]
            steps = np.linspace(high, low, HEIGHT)[:, None]
            half = (high - low) / (HEIGHT - 1) / 2
            within = (steps >= ends[0] - half) & (steps <= ends[1] + half)
            cells[within], inks[within] = BAND, shade
    for mark, curve, shade in zip(_marks(curves), curves, shades, strict=True):
        xs, ys = np.asarray(curve.x), np.asarray(curve.y)
        if curve.look != "dots" and len(xs) > 1:
            fine = np.linspace(xs[0], xs[-1], columns)
            xs, ys = fine, np.interp(fine, xs, ys)
        known = np.isfinite(ys)
        across = np.round((xs[known] - left) / (right - left) * (columns - 1)).astype(int)
        down = np.round((high - ys[known]) / (high - low) * (HEIGHT - 1)).astype(int)
        inside = (across >= 0) & (across < columns) & (down >= 0) & (down < HEIGHT)
        cells[down[inside], across[inside]], inks[down[inside], across[inside]] = mark, shade
    scale = {0: high, HEIGHT - 1: low}
    labels = [
        say.language.written(f"10^{scale[row]:.1f}" if powers else f"{scale[row]:.3g}")
        if row in scale
        else ""
        for row in range(HEIGHT)
    ]
    return _rows(labels, cells, inks)


def _rows(labels: Sequence[str], cells: Any, inks: Any) -> list[Line]:
    """A label at the left of each row of letters, what has one colour together."""
    lines: list[Line] = []
    for label, letters, shades in zip(labels, cells.tolist(), inks.tolist(), strict=True):
        pieces = itertools.groupby(zip(letters, shades, strict=True), key=lambda cell: cell[1])
        row = [("".join(letter for letter, _ in some), shade) for shade, some in pieces]
        lines.append([(f"{label:>8}|", ""), *row])
    return lines


def _unrolled(drawing: Unrolled, width: int, say: Say, unicode: bool) -> list[str]:
    del unicode
    lines: list[str] = []
    for form in drawing.forms:
        lines += [*_form(form, width, say), ""]
    return lines[:-1]


def _form(form: Form, width: int, say: Say) -> list[str]:
    """Terms above, states with their adjoint in a row, inputs below."""
    cell = min(11, (width - 2) // len(form.adjoint))
    steps = range(1, len(form.adjoint) + 1)

    def row(texts: list[str]) -> str:
        return "".join(text.center(cell) for text in texts)

    states = [say.language.written(f"({size:.2g})") for size in form.adjoint]
    chain = "".join(
        text.center(cell, " ") if t == len(states) else text.center(cell - 2) + "->"
        for t, text in enumerate(states, start=1)
    )
    return [
        say("in_the_circle", form=form.title),
        row([f"L{t}" if form.judged[t - 1] else "" for t in steps]),
        row(["^" if judged else "" for judged in form.judged]),
        chain,
        row(["^" if fed else "" for fed in form.fed]),
        row([f"x{t}" if form.fed[t - 1] else "" for t in steps]),
    ]


def _chains(drawing: Chains, width: int, say: Say, unicode: bool) -> list[str]:
    """Rows of states, `(#)` where one holds what the drawing is about."""
    del unicode
    lines: list[str] = []
    for row in drawing.rows:
        lines += [f"{row.title}:"]
        room = (width - 12) // LINK
        pieces = [row.links[at : at + room] for at in range(0, len(row.links), room)]
        for k, links in enumerate(pieces):
            whole = k + 1 == len(pieces)
            part = row._replace(links=links, loop=row.loop and whole)
            lines += [*_links(part, say, goes_on=not whole), ""]
    return lines[:-1]


def _links(row: Chain, say: Say, *, goes_on: bool) -> list[str]:
    def said(texts: list[str]) -> list[str]:
        split = [text.split("\n") for text in texts]
        deep = max(map(len, split))
        return ["".join((s[i] if i < len(s) else "").center(LINK) for s in split) for i in range(deep)]

    states = ["(#)" if link.held else "( )" for link in row.links]
    middle = "->".join(state.center(LINK - 2) for state in states)
    end = f" {say('itself')}" if row.loop else " -> ..." if goes_on else ""
    above, below = [link.above for link in row.links], [link.below for link in row.links]
    arrows = [["^" if text else "" for text in texts] for texts in (above, below)]
    lines = [*said(above), *said(arrows[0]), f" {middle.rstrip()}{end}", *said(arrows[1]), *said(below)]
    return [line for line in lines if line.strip()]


def _grid(drawing: Grid, width: int, say: Say, unicode: bool) -> list[Line]:
    """Shades from flat to steep, and the lines over them as letters."""
    columns, shades = width - 10, SHADES[unicode]
    values = np.asarray(drawing.values)
    rows = np.linspace(len(values) - 1, 0, HEIGHT + 6).round().astype(int)
    some = values[np.ix_(rows, np.linspace(0, values.shape[1] - 1, columns).round().astype(int))]
    borders = np.quantile(values[np.isfinite(values)], np.linspace(0, 1, len(shades) + 1)[1:-1])
    cells = np.array(list(shades))[np.searchsorted(borders, some)]
    inks = np.full(cells.shape, "", dtype="<U7")
    over = list(itertools.islice(itertools.cycle(colored.OVER_MAP), len(drawing.lines)))
    left, right, low, high = drawing.x[0], drawing.x[-1], drawing.y[0], drawing.y[-1]
    for mark, curve, shade in zip(_marks(drawing.lines), drawing.lines, over, strict=True):
        # From each place to the next, as on a page: a step that leaves the map is seen to leave it.
        fine = np.linspace(0, len(curve.x) - 1, FINE * max(1, len(curve.x) - 1))
        xs, ys = (np.interp(fine, np.arange(len(curve.x)), ends) for ends in (curve.x, curve.y))
        inside = (xs >= left) & (xs <= right) & (ys >= low) & (ys <= high)
        across = np.round((xs[inside] - left) / (right - left) * (columns - 1)).astype(int)
        down = np.round((high - ys[inside]) / (high - low) * (len(cells) - 1)).astype(int)
        cells[down, across], inks[down, across] = mark, shade
    written = say.language.written
    ends = {0: written(str(high)), len(cells) - 1: written(str(low))}
    found = _rows([ends.get(i, "") for i in range(len(cells))], cells, inks)
    x, y, shown = drawing.names
    scale = say("map", x=x, left=written(f"{left:g}"), right=written(f"{right:g}"), y=y, values=shown)
    return [*found, f"{'':>9}{scale}", *_wrapped(_legend(drawing.lines, over), width - 9)]


def _table(table: Table, width: int, say: Say, unicode: bool) -> list[str]:
    rows = [[plain(cell, unicode=unicode) for cell in row] for row in (table.head, *table.rows)]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = 3 if sum(wide) + 3 * (len(wide) - 1) <= width else 1
    while sum(wide) + gap * (len(wide) - 1) > width:
        wide[wide.index(max(wide))] -= 1
    return [(" " * gap).join(cell[:n].rjust(n) for cell, n in zip(row, wide, strict=True)) for row in rows]


def _strip(strip: Strip, width: int, say: Say, unicode: bool) -> list[Line]:
    """The text, and below each line of it a row for each quantity, high for yes and low for no."""
    blocks, wide = BLOCKS[unicode], min(width // 3, max((len(label) for label, _ in strip.rows), default=0))
    lines: list[Line] = []
    for first, end in strip.lines(width - wide - 1):
        lines += [f"{'':>{wide}} {strip.shown(first, end)}"]
        for label, values in strip.rows:
            levels = [min(7, int((value + 1) * 4)) for value in values[first:end]]
            above = itertools.groupby(levels, key=lambda level: level > 3)
            row = [
                ("".join(blocks[level] for level in some), colored.YES if yes else colored.NO)
                for yes, some in above
            ]
            lines.append([(f"{label[:wide]:>{wide}} ", ""), *row])
        lines += [""]
    return lines[:-1]


def _anatomy(drawing: Anatomy, width: int, say: Say, unicode: bool) -> list[Line]:
    """A bar for each gate and for each part of the state, as long as its share of the whole."""
    bar, room = BLOCKS[unicode][-1], width - 26
    lines: list[Line] = []
    for cell in drawing.cells:
        named = {say("gate", name=name): value for name, value in cell.openings().items()}
        named |= {say("arrives_in", part=part): share for part, share in cell.shares().items()}
        lines += [[(f"{cell.title}:", _colors.cell_color(cell.cell))]]
        lines += [
            f"{name:>14} {say.language.written(f'{value:7.1%}')}  {bar * round(room * value)}"
            for name, value in named.items()
        ]
        lines += [""]
    return lines[:-1]


_SKETCH: dict[type, Callable[[Any, int, Say, bool], Sequence[Line]]] = {
    Chart: _chart,
    Unrolled: _unrolled,
    Chains: _chains,
    Grid: _grid,
    Table: _table,
    Strip: _strip,
    Anatomy: _anatomy,
}

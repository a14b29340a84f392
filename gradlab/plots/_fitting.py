"""A figure's own texts within its width: titles broken into lines, legends in fewer columns."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

EDGE = 0.02
"""Of the width, what stays free."""


def legend(
    figure: Figure, handles: Sequence[Artist], columns: int, labels: Sequence[str] | None = None
) -> None:
    """A legend below all panels, in at most so many `columns`; `labels`, if handles have none."""
    named: dict[str, Any] = {"handles": handles} | ({"labels": labels} if labels is not None else {})
    room, renderer = _room(figure)
    for many in range(max(columns, 1), 0, -1):
        made = figure.legend(**named, loc="outside lower center", ncols=many)
        if many == 1 or made.get_window_extent(renderer).width <= room:
            return
        made.remove()


def broken(figure: Figure) -> None:
    """Break the titles of a figure into lines that it has room for; what fits stays as it is."""
    room, renderer = _room(figure) if figure.texts else (0.0, None)
    for text in figure.texts:
        _lines(text, room, renderer)


def _room(figure: Figure) -> tuple[float, Any]:
    """The width that there is, and what measures texts."""
    return (1 - EDGE) * figure.bbox.width, FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]


def _lines(text: Text, room: float, renderer: Any) -> None:
    """Lines as long as there is room, never within a word; those that stood apart already stay apart."""
    words = text.get_text()
    letters, longest = (max(map(len, parts), default=0) for parts in (words.split("\n"), words.split()))
    while letters > longest and text.get_window_extent(renderer).width > room:
        letters -= 1
        lines = [textwrap.wrap(line, letters, break_long_words=False) or [""] for line in words.split("\n")]
        text.set_text("\n".join(part for line in lines for part in line))

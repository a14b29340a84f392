"""What a chapter is made of: words and numbers, from which a page or a walk in the terminal is made.

Texts may hold `code`, *emphasis*, **headwords**, subscripts h_{t}, superscripts w^{T} and $formulas$; nothing
else is markup.
"""

import re
from typing import Any, NamedTuple


class Curve(NamedTuple):
    """A line of a panel, or single dots."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    look: str = "line"
    """`line`, `dashed` or `dots`."""
    cell: str = ""
    """Whose colour it has, if it is of one."""


class Band(NamedTuple):
    """Where a curve lies over several seeds: its lowest and its highest y at each x."""

    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Panel(NamedTuple):
    """Curves on common axes."""

    title: str
    curves: tuple[Curve, ...]
    bands: tuple[Band | None, ...] = ()
    """One for each curve; None for a curve that is the same of all seeds, or cannot be set beside another."""


class Chart(NamedTuple):
    """Panels side by side with equal axes."""

    x: str
    y: str
    panels: tuple[Panel, ...]
    powers: bool = False
    """y holds log10 of what is shown."""
    band: str = ""
    """What the bands are, in words."""


class Form(NamedTuple):
    """One way to wire the unrolled network, steps 1..T from left to right."""

    title: str
    fed: tuple[bool, ...]
    """Which steps have an input."""
    judged: tuple[bool, ...]
    """Which steps have a term in the loss."""
    adjoint: tuple[float, ...]
    """|dL/dh_t| of each step."""


class Unrolled(NamedTuple):
    """The network as a row of copies, one row per form."""

    forms: tuple[Form, ...]


class Link(NamedTuple):
    """One state of a chain, with what is read below and written above; lines of a text are in turn."""

    below: str
    above: str
    held: bool = False
    """Whether it holds what the chain is about."""


class Chain(NamedTuple):
    """States in a row, each feeding the next."""

    title: str
    links: tuple[Link, ...]
    loop: bool = False
    """Whether the last state feeds itself."""


class Chains(NamedTuple):
    """Rows of states; `onward`, a row goes on in the next one."""

    rows: tuple[Chain, ...]
    onward: bool = False


class Grid(NamedTuple):
    """A map over two weights, lines of the map by rows of `y`."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    names: tuple[str, str, str]
    """Of x, y and the values, which are log10."""
    lines: tuple[Curve, ...]


class Table(NamedTuple):
    """Numbers in rows, already as text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Strip(NamedTuple):
    """A text, and below every character of it what some quantities were."""

    text: str
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    """Label and values, from -1 to 1."""

    def lines(self, width: int) -> list[tuple[int, int]]:
        r"""Where each line begins and ends, at most `width` characters; empty ones go with the one before.

        >>> Strip("ab\n\ncdefg", ()).lines(4)
        [(0, 4), (4, 8), (8, 9)]
        """
        lines = [found.span() for found in re.finditer(r"[^\n]*\n+|[^\n]+", self.text)]
        return [(cut, min(cut + width, end)) for start, end in lines for cut in range(start, end, width)]

    def shown(self, start: int, end: int) -> str:
        """The characters from one place to another, one sign for each."""
        return self.text[start:end].replace("\n", "¶").replace("\t", "→")


class Inside(NamedTuple):
    """One step of a cell, with what was measured on it."""

    title: str
    cell: str
    """Its label; its file holds the diagram."""
    parts: tuple[str, ...]
    """Of the state."""
    values: dict[str, float]
    """What an edge lets through by gate, and `share PART`: of the squared transport."""

    def shares(self) -> dict[str, float]:
        """By part of the state."""
        return {k.removeprefix("share "): v for k, v in self.values.items() if k.startswith("share ")}

    def openings(self) -> dict[str, float]:
        """By gate."""
        return {k: v for k, v in self.values.items() if not k.startswith("share ")}


class Anatomy(NamedTuple):
    """Cells as diagrams, the gradient as wide as what lets it through."""

    cells: tuple[Inside, ...]


Drawing = Chart | Unrolled | Chains | Grid | Table | Strip | Anatomy


class Live(NamedTuple):
    """What the page computes again under the reader's hand, below a figure."""

    widget: str
    """Its script is `live/<widget>.js`."""
    title: str
    facts: dict[str, Any]
    """What it computes from, as JSON."""


class Choices(NamedTuple):
    """A question with answers to choose from; which of them is true was computed."""

    asked: str
    answers: tuple[str, ...]
    right: int
    """The place of the true one, from 0."""


class Figure(NamedTuple):
    """A drawing between the question that it settles and the answer read from it."""

    name: str
    title: str
    question: str
    drawing: Drawing
    answer: str
    command: str = ""
    """What makes it again; the lesson itself, if it is left out."""
    live: Live | None = None
    choices: Choices | None = None


class Chapter(NamedTuple):
    """One lesson: paragraphs, then figures, then what to keep."""

    title: str
    paragraphs: tuple[str, ...]
    figures: tuple[Figure, ...]
    closing: tuple[str, ...]
    commands: tuple[str, ...] = ()
    """To go on with."""
    computed_before: bool = False
    """Whether its numbers were computed before the page."""

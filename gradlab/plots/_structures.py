"""What one step of a cell is made of, as a small language; a cell's file holds its own as `DIAGRAM`.

    KIND NAME X Y [WORD]      a part: port, layer, times, plus, minus, squash, copy, join, bend
    A -- B [= OPENING]        an edge, straight; `|-` goes up or down first, `-|` sideways first
    with NAME ...             the lines of `gradlab/cells/_diagrams.py` under these names
    any SETTING[=VALUE] ...   settings that change no part; `{SETTING}` in a word is the one chosen, or VALUE

`= f` says that the edge carries a gradient times the opening of the gate f (`1-f`: what it leaves), with a
label; `~ f` the same without one. `~ 1` is an edge of a sum or a copy, which changes nothing.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gradlab import registry
from gradlab.cells import _diagrams

KINDS = ("port", "layer", "times", "plus", "minus", "squash", "copy", "join", "bend")
LINKS = ("--", "|-", "-|")


class Part(NamedTuple):
    """A part of a cell and its place; the middle of it, in units of about a letter's height."""

    kind: str
    x: float
    y: float
    word: str


class Edge(NamedTuple):
    """From a part to another, by way of at most one corner."""

    start: str
    link: str
    end: str
    carries: str
    labelled: bool


class Structure(NamedTuple):
    """A cell: its parts by name, and its edges."""

    parts: dict[str, Part]
    edges: list[Edge]


def structure(label: str, parts: list[str], gates: list[str]) -> Structure:
    """The diagram of a cell by its label; a plain one from its state and gates if its file holds none.

    >>> structure("lstm(forget_bias=2.0)", ["h", "c"], []).parts["f"].word
    'f=σ'
    >>> sorted(structure("gru(reset=after)", ["h"], ["r", "z"]).parts)
    ['box', 'from h', 'r', 'to h', 'z']
    """
    name, _, inside = label.partition("(")
    settings = dict(pair.strip().split("=", 1) for pair in inside.rstrip(")").split(",") if "=" in pair)
    text = diagram(name)
    if text is None or not set(settings) <= set(varied(text)):
        return plain(parts, gates)
    return parsed(text, settings)


def diagram(name: str) -> str | None:
    """What the file of a cell holds as `DIAGRAM`; None if it holds none, or the cell is not ours."""
    text: str | None = None
    if name in registry.names("cells"):
        text = registry.constant("cells", name, "DIAGRAM")
    return text


def varied(text: str) -> dict[str, str]:
    """The settings that change no part of a diagram, each with the value that it has unless it is chosen."""
    pairs = [word.partition("=") for words in _lines(text) if words[0] == "any" for word in words[1:]]
    return {setting: value for setting, _, value in pairs}


def parsed(text: str, settings: Mapping[str, str]) -> Structure:
    """The structure that lines of the language describe, of a cell with these settings.

    Raises:
      ValueError: for a line that says nothing, and for an edge from or to a part that is not there.
    """
    chosen = {**varied(text), **settings}
    parts: dict[str, Part] = {}
    edges = []
    for words in _lines(text):
        if words[0] in KINDS and len(words) >= 4:
            word = "".join(words[4:]).format_map(chosen)
            parts[words[1]] = Part(words[0], float(words[2]), float(words[3]), word)
        elif len(words) in (3, 5) and words[1] in LINKS:
            carries = words[4] if len(words) == 5 else ""
            edges.append(Edge(words[0], words[1], words[2], carries, "=" in words[3:4]))
        elif words[0] != "any":
            raise ValueError(f"{' '.join(words)!r} is neither a part of a diagram nor an edge")
    loose = {end for edge in edges for end in (edge.start, edge.end)} - set(parts)
    if loose:
        raise ValueError(f"an edge joins {', '.join(sorted(loose))}, which the diagram does not have")
    return Structure(parts, edges)


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line, those that it takes in from elsewhere in their place."""
    for words in filter(None, map(str.split, text.splitlines())):
        if words[0] == "with":
            for name in words[1:]:
                yield from _lines(getattr(_diagrams, name))
        else:
            yield words


def plain(parts: list[str], gates: list[str]) -> Structure:
    """A cell of which only the parts of the state and the gates are known."""
    rows = [2.4 + 2.0 * ((len(parts) - 1) / 2 - k) for k in range(len(parts))]
    placed = {"box": Part("box", 5.2, 2.4, "one step")}
    edges = []
    alone = len(parts) == 1
    for part, y in zip(parts, rows, strict=True):
        carries = "step" if alone else f"share {part}"
        placed[f"from {part}"] = Part("port", 0.0, y, part)
        placed[f"to {part}"] = Part("port", 10.4, y, f"{part}'")
        edges += [
            Edge(f"from {part}", "-", "box", carries, True),
            Edge("box", "-", f"to {part}", carries if alone else "", False),
        ]
    for k, gate in enumerate(gates):
        x = 5.2 + 1.5 * (k - (len(gates) - 1) / 2)
        placed[gate] = Part("chip", x, 2.0, gate)
    return Structure(placed, edges)

"""What one step of a cell is made of, as a small language: a line a part, a line an edge.

    KIND NAME X Y [WORD]      a part: port, layer, times, plus, minus, squash, copy, join, bend
    A -- B [= OPENING]        an edge, straight; `|-` goes up or down first, `-|` sideways first

`= f` says that the edge carries a gradient times the opening of the gate f (`1-f`: what it leaves), with a
label; `~ f` the same without one. `~ 1` is an edge of a sum or a copy, which changes nothing.
"""

from typing import NamedTuple

KINDS = ("port", "layer", "times", "plus", "minus", "squash", "copy", "join", "bend")
LINKS = ("--", "|-", "-|")
HARMLESS = {"forget_bias", "chrono", "activation"}
"""Settings that change the numbers of a cell but not its parts."""


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


GATES = """
port h 0 0.9 h
port x 0.9 -0.2 x
port h' 10.4 0.9 h'
port c 0 4.4 c
port c' 10.4 4.4 c'
join j 0.9 0.9
copy k 9.0 4.4
squash s 9.0 3.6 tanh
times xo 9.0 2.7
layer o 7.3 1.9 o=σ
layer g 5.6 1.9 g=tanh
times xi 5.6 3.1
plus add 5.6 4.4
copy bg 5.6 0.9
h -- j
x -- j
bg -- g
bg -| o
g -- xi = i
xi -- add ~ 1
k -- c' ~ 1
k -- s
s -- xo = o
xo |- h' ~ 1
o |- xo
"""
"""What every LSTM has."""

LSTM = """
times xf 2.2 4.4
layer f 2.2 1.9 f=σ
layer i 3.9 1.9 i=σ
copy bf 2.2 0.9
copy bi 3.9 0.9
j -- bf
bf -- f
bf -- bi
bi -- i
bi -- bg
f -- xf
i |- xi
"""

STRUCTURES = {
    "elman": """
port h 0 2.4 h
port x 2.4 0.9 x
port h' 10.4 2.4 h'
join j 2.4 2.4
layer a 5.4 2.4 {activation}
h -- j ~ step
x -- j
j -- a = step
a -- h' ~ step
""",
    "lstm": GATES
    + LSTM
    + """
c -- xf = f
xf -- add ~ 1
add -- k ~ 1
""",
    "peephole_lstm": GATES
    + LSTM
    + """
copy p 1.0 4.4
copy pf 1.0 1.9
bend pd 1.0 1.3
bend pu 3.05 1.3
bend pi 3.05 1.9
copy po 6.45 4.4
c -- p ~ f
p -- xf = f
p -- pf
pf -- f
pf -- pd
pd -- pu
pu -- pi
pi -- i
xf -- add ~ 1
add -- po ~ 1
po -- k ~ 1
po |- o
""",
    "coupled_lstm": GATES
    + """
times xf 2.2 4.4
layer f 2.2 1.9 f=σ
copy u 2.2 3.1
minus m 3.9 3.1
copy bf 2.2 0.9
j -- bf
bf -- f
bf -- bg
f -- u
u -- xf
u -- m
m -- xi
c -- xf = f
xf -- add ~ 1
add -- k ~ 1
""",
    "gru": """
port h 0 4.4 h
port h' 10.4 4.4 h'
port x 0 -0.1 x
copy a 1.0 4.4
copy d 3.4 4.4
bend ad 1.0 0.9
copy xc 1.7 -0.1
join j 1.7 0.9
bend xd 8.2 -0.1
copy br 2.3 0.9
layer r 2.3 1.9 r=σ
times xr 3.4 3.1
bend xrd 3.4 1.25
join jn 8.2 1.25
layer z 5.1 1.9 z=σ
copy u 5.1 3.1
times xz 5.1 4.4
minus m 6.6 3.1
layer n 8.2 1.9 n=tanh
times xn 8.2 3.1
plus add 8.2 4.4
h -- a ~ z
a -- d ~ z
a -- ad
ad -- j
x -- xc
xc -- j
xc -- xd
xd -- jn
j -- br
br -- r
br -| z
r |- xr
d -- xr = r
xr -- xrd
xrd -- jn
jn -- n
d -- xz = z
z -- u
u -- xz
u -- m
m -- xn
n -- xn = 1-z
xn -- add ~ 1
xz -- add ~ 1
add -- h' ~ 1
""",
}


def structure(label: str, parts: list[str], gates: list[str]) -> Structure:
    """The drawing of a cell by its label; a plain one from its state and gates if nobody has drawn it.

    >>> structure("lstm(forget_bias=2.0)", ["h", "c"], []).parts["f"].word
    'f=σ'
    >>> sorted(structure("gru(reset=after)", ["h"], ["r", "z"]).parts)
    ['box', 'from h', 'r', 'to h', 'z']
    """
    name, _, inside = label.partition("(")
    settings = dict(pair.strip().split("=", 1) for pair in inside.rstrip(")").split(",") if "=" in pair)
    if name in STRUCTURES and set(settings) <= HARMLESS:
        return parsed(STRUCTURES[name].replace("{activation}", settings.get("activation", "tanh")))
    return plain(parts, gates)


def parsed(text: str) -> Structure:
    """The structure that lines of the language describe."""
    parts, edges = {}, []
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        if words[0] in KINDS and words[1] not in LINKS:
            parts[words[1]] = Part(words[0], float(words[2]), float(words[3]), "".join(words[4:]))
        else:
            carries = words[4] if len(words) > 3 else ""
            edges.append(Edge(words[0], words[1], words[2], carries, "=" in words[3:4]))
    return Structure(parts, edges)


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

"""Chapter 2: one error term sent back, by hand, in the scalar network and in the matrix one."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from gradlab.lesson import choices, measured
from gradlab.lesson.parts import Chapter, Chart, Curve, Figure, Live, Panel, Table
from gradlab.lesson.words import number, ten_to
from gradlab.studies.sweep.settings import Sweep

LINEAR, TANH = "elman(activation=identity)", "elman"
GAINS, T, W = (0.9, 1.0, 1.1), 100, 0.9
BY_HAND = (0, 1, 2, 5, 10, 20, 50, 100)
N, INITS, NEAR, DRAWS = 16, ("orthogonal", "gaussian"), 1.0, 10
LONGEST = 200
"""Steps that the page may send an error back."""
MORE = ("gradlab sweep --cell elman --w-rec 0.5:1.5:11 -T 100",)


class Numbers(NamedTuple):
    """log10 of |dh_T/dh_t| by lag = T - t."""

    linear: dict[float, tuple[float, ...]]
    """Of the linear network of one unit, by w."""
    tanh: dict[float, tuple[float, ...]]
    matrix: dict[tuple[str, str], tuple[tuple[float, ...], ...]]
    """Of DRAWS networks of N units at w_rec = 1, by (cell, initialiser)."""
    radii: tuple[float, ...]
    """Of each Gaussian W: the size of its largest eigenvalue."""
    by_hand: dict[int, float]
    """W multiplied by itself, lag times."""
    unit_gain: dict[str, Any]
    """What the page computes from."""


def scalar(seed: int) -> Sweep:
    """One unit, whose recurrent weight is `w_rec` itself."""
    return _grid(seed, 1, ("identity",), GAINS)


def matrix(seed: int) -> Sweep:
    """N units, two initialisers, several draws of each."""
    return dataclasses.replace(_grid(seed, N, INITS, (NEAR,)), seeds=DRAWS)


def _grid(seed: int, hidden: int, init: tuple[str, ...], w_rec: tuple[float, ...]) -> Sweep:
    cells = (LINEAR, TANH)
    return Sweep(cells, init, w_rec, (T,), hidden, seeds=1, seed=seed, precision="float64")


def measure(seed: int) -> Numbers:
    """The transports of both grids, and powers of W the long way."""
    small, large = measured.networks(scalar(seed)), measured.draws(matrix(seed))
    one = {
        (cell, w): measured.transport(small[cell, "identity", w]) for cell in (LINEAR, TANH) for w in GAINS
    }
    pairs = [(cell, init) for cell in (LINEAR, TANH) for init in INITS]
    many = {
        (cell, init): tuple(measured.transport(network) for network in large[cell, init, NEAR])
        for cell, init in pairs
    }
    # The Jacobian of a linear network is W at every step.
    matrices = [network.jacobians[0] for network in large[LINEAR, INITS[1], NEAR]]
    radii = tuple(float(np.abs(np.linalg.eigvals(w)).max()) for w in matrices)
    products, product = {0: 1.0}, 1.0
    for lag in range(1, T + 1):
        product *= W
        products[lag] = product
    return Numbers(
        {w: one[LINEAR, w] for w in GAINS},
        {w: one[TANH, w] for w in GAINS},
        many,
        radii,
        {lag: products[lag] for lag in BY_HAND},
        _facts(small[TANH, "identity", 1.0], large[TANH, INITS[1], NEAR][0]),
    )


def _facts(one: measured.Network, many: measured.Network) -> dict[str, Any]:
    """Two tanh networks at gain 1 and the inputs that both get, for the page."""
    parts = {
        name: {"W": found.params.w_rec.tolist(), "U": found.params.w_in[:, 0].tolist()}
        for name, found in (("one", one), ("many", many))
    }
    return {**parts, "xs": many.xs[:LONGEST, 0].tolist(), "w": W, "T": T}


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    low, high = numbers.linear[GAINS[0]][T], numbers.linear[GAINS[-1]][T]
    squashed = numbers.tanh[W][T]
    horizon = 3 / -math.log10(W)
    paragraphs = (
        "Take the smallest network: one unit without a squashing function, $h_{t} = w h_{t−1} + x_{t}$. Let "
        "one "
        f"error term sit at the last step T = {T}. How does it reach an earlier step t? Nudge h_{{t}} by a "
        "little. The next state moves by w times as much, the one after by w · w. After T − t steps, the "
        "*lag*, the nudge has been multiplied by w once a step: $dh_{T}/dh_{t} = w^{T−t}$. We call "
        "dh_{T}/dh_{t} the *transport*. It is all that the past can hear of the error.",
        f"By hand, for w = {number(W)}: one step back {number(numbers.by_hand[1])}, two steps "
        f"{number(numbers.by_hand[2])}, ten steps {number(numbers.by_hand[10])}, a hundred steps "
        f"{number(numbers.by_hand[100])}. A factor of 1000 is lost every 3 / (−log10 w) = {number(horizon)} "
        f"steps.",
        "With tanh each step also multiplies by the slope $1 − h_{t}^{2}$ of the curve, which is at most 1: "
        "$dh_{T}/dh_{t} = Π_{k} (1 − h_{k}^{2}) w$, the product over k = t+1, ..., T. In a network of N "
        "units the number w becomes the matrix W and the slope a diagonal matrix D_{k}; the product of "
        "matrices D_{k} W is measured by its largest singular value, the most that it can stretch any nudge.",
    )
    rows = tuple(
        (str(lag), number(value), ten_to(numbers.linear[W][lag])) for lag, value in numbers.by_hand.items()
    )
    table = Figure(
        "by_hand",
        f"w = {number(W)}, multiplied by hand and sent back by the program",
        f"How much of the error is left after 50 steps with w = {number(W)}: a half, a twentieth, or less?",
        Table(("lag", "w · w · ... by hand", "sent back, measured"), rows),
        f"Less: {number(numbers.by_hand[50])} by hand, {ten_to(numbers.linear[W][50])} measured.",
        measured.command(scalar(seed)),
        choices=choices.above(
            "How much is left after 50 steps?",
            10 ** numbers.linear[W][50],
            {"about a half": 0.2, "about a twentieth": 0.02, "less than a fiftieth": 0.0},
        ),
    )
    closing = (
        "One number decides: above 1 in size the error explodes, below 1 it vanishes, and both happen "
        "exponentially in the lag. In the network of one unit squashing only takes away from that. In a "
        "matrix network the size of the eigenvalues of W plays the part of |w| in the long run, and its "
        "singular values set what a single step can do.",
    )
    figures = (table, _scalars(numbers, seed, low, high, squashed), _matrices(numbers, seed))
    return Chapter("One error term, sent back", paragraphs, figures, closing, MORE)


def _scalars(numbers: Numbers, seed: int, low: float, high: float, squashed: float) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    dots = tuple(map(float, range(0, T + 1, 10)))

    def panel(title: str, found: dict[float, tuple[float, ...]]) -> Panel:
        law = [Curve("the law w^{lag}", dots, tuple(d * math.log10(w) for d in dots), "dots") for w in GAINS]
        return Panel(title, (*(Curve(f"w = {w:g}", lags, found[w]) for w in GAINS), *law))

    return Figure(
        "scalar",
        "One unit: the transport by lag, linear and with tanh",
        "Three straight lines on a logarithmic scale, or curves? And which of the three does tanh change "
        "most?",
        Chart(
            "lag",
            "transport",
            (panel("linear", numbers.linear), panel("tanh", numbers.tanh)),
            powers=True,
        ),
        f"The linear lines are straight and lie on the law: over {T} steps {ten_to(low)} at w = {GAINS[0]:g} "
        f"and {ten_to(high)} at w = {GAINS[-1]:g}. With tanh, {ten_to(low)} becomes {ten_to(squashed)}, but "
        f"{ten_to(high)} becomes {ten_to(numbers.tanh[GAINS[-1]][T])}: above w = 1 the state itself grows, "
        "up to where "
        f"the curve is flat, and there the slope 1 − h^{{2}} is small. {_most_changed(numbers)}",
        measured.command(scalar(seed)),
        Live(
            "powers",
            "Choose w and T, and send the error back. The network is the first of the Gaussian "
            f"ones of {N} units in the next figure.",
            numbers.unit_gain,
        ),
        choices.most(
            "Which line does tanh change most?",
            {f"w = {w:g}": numbers.linear[w][T] - numbers.tanh[w][T] for w in GAINS},
        ),
    )


def _most_changed(numbers: Numbers) -> str:
    """Which line tanh brings down farthest over T steps."""
    lost = {w: numbers.linear[w][T] - numbers.tanh[w][T] for w in GAINS}
    most = max(GAINS, key=lambda w: lost[w])
    return f"So tanh changes the line of w = {most:g} most: by a factor of {ten_to(lost[most])}."


def _matrices(numbers: Numbers, seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    names = {LINEAR: "linear", TANH: "tanh"}

    def curves(cell: str) -> tuple[Curve, ...]:
        return tuple(
            Curve(f"{init}, {which}", lags, tuple(map(pick, zip(*numbers.matrix[cell, init], strict=True))))
            for init in INITS
            for which, pick in (("highest", max), ("lowest", min))
        )

    radii = numbers.radii
    ends = {init: _ends(numbers, LINEAR, k) for k, init in enumerate(INITS)}
    return Figure(
        "matrix",
        f"{N} units at `w_rec` = {NEAR:g}: {DRAWS} orthogonal and {DRAWS} Gaussian matrices W, the highest "
        "and the lowest transport of each kind at each lag",
        "An orthogonal matrix turns, and stretches nothing. A Gaussian matrix stretches some directions and "
        f"shrinks others. We draw {DRAWS} networks of each kind. Of which kind can you say beforehand what a "
        f"network passes on after {T} steps?",
        Chart("lag", "transport", tuple(Panel(names[c], curves(c)) for c in names), powers=True),
        f"After {T} steps each linear network with an orthogonal matrix has {_span(numbers, LINEAR, 0)}; "
        f"those with a Gaussian one have {_span(numbers, LINEAR, 1)}, as the draw will have it: the largest "
        f"eigenvalue of W has a size of {number(min(radii))} to {number(max(radii))}, and to the power {T} "
        f"that is {ten_to(T * math.log10(min(radii)))} to {ten_to(T * math.log10(max(radii)))}. With tanh it "
        f"is {_span(numbers, TANH, 0)} and {_span(numbers, TANH, 1)}: {_wider(numbers)}",
        measured.command(matrix(seed)),
        choices=choices.least(
            "Of which kind can you say it, without tanh?",
            {init: high - low for init, (low, high) in ends.items()},
        ),
    )


def _ends(numbers: Numbers, cell: str, init: int) -> tuple[float, float]:
    """The lowest and the highest transport at lag T."""
    found = [logs[T] for logs in numbers.matrix[cell, INITS[init]]]
    return min(found), max(found)


def _span(numbers: Numbers, cell: str, init: int) -> str:
    """From the lowest to the highest transport at lag T; one number if both are said alike."""
    low, high = map(ten_to, _ends(numbers, cell, init))
    return low if low == high else f"{low} to {high}"


def _wider(numbers: Numbers) -> str:
    """Whose draws lie farther apart with tanh."""
    orthogonal, gaussian = (high - low for low, high in (_ends(numbers, TANH, init) for init in (0, 1)))
    if gaussian > orthogonal:
        return "the Gaussian draws still lie farther apart."
    return "here the orthogonal draws lie as far apart, for the inputs differ, too."

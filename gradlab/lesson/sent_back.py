"""Chapter 2: one error term sent back, by hand, in the scalar network and in the matrix one."""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from gradlab.lesson import choices, measured
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Chapter, Chart, Curve, Figure, Live, Panel, Table
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


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("sent_back")
    paragraphs = (
        say("transport", steps=T),
        say(
            "by_hand",
            w=W,
            one=numbers.by_hand[1],
            two=numbers.by_hand[2],
            ten=numbers.by_hand[10],
            hundred=numbers.by_hand[100],
            steps=3 / -math.log10(W),
        ),
        say("with_tanh"),
    )
    figures = (_table(say, numbers, seed), _scalars(say, numbers, seed), _matrices(say, numbers, seed))
    return Chapter(say("title"), paragraphs, figures, (say("closing"),), MORE)


def _table(say: Say, numbers: Numbers, seed: int) -> Figure:
    rows = tuple(
        (str(lag), say.number(value), say.ten_to(numbers.linear[W][lag]))
        for lag, value in numbers.by_hand.items()
    )
    return Figure(
        "by_hand",
        say("table_title", w=W),
        say("table_question", w=W),
        Table((say("lag"), say("head_by_hand"), say("head_sent_back")), rows),
        say("table_answer", hand=numbers.by_hand[50], measured=say.ten_to(numbers.linear[W][50])),
        measured.command(scalar(seed)),
        choices=choices.above(
            say("table_asked"),
            10 ** numbers.linear[W][50],
            {say("a_half"): 0.2, say("a_twentieth"): 0.02, say("less"): 0.0},
        ),
    )


def _scalars(say: Say, numbers: Numbers, seed: int) -> Figure:
    low, high = numbers.linear[GAINS[0]][T], numbers.linear[GAINS[-1]][T]
    lags = tuple(map(float, range(T + 1)))
    dots = tuple(map(float, range(0, T + 1, 10)))

    def panel(title: str, found: dict[float, tuple[float, ...]]) -> Panel:
        law = [Curve(say("law"), dots, tuple(d * math.log10(w) for d in dots), "dots") for w in GAINS]
        return Panel(title, (*(Curve(say("at_w", w=w), lags, found[w]) for w in GAINS), *law))

    return Figure(
        "scalar",
        say("scalar_title"),
        say("scalar_question"),
        Chart(
            say("lag"),
            say("axis"),
            (panel(say("linear"), numbers.linear), panel("tanh", numbers.tanh)),
            powers=True,
        ),
        say(
            "scalar_answer",
            steps=T,
            low=say.ten_to(low),
            high=say.ten_to(high),
            below=GAINS[0],
            above=GAINS[-1],
            squashed=say.ten_to(numbers.tanh[W][T]),
            flattened=say.ten_to(numbers.tanh[GAINS[-1]][T]),
            most=_most_changed(say, numbers),
        ),
        measured.command(scalar(seed)),
        Live("powers", say("live", units=N), numbers.unit_gain),
        choices.most(
            say("scalar_asked"),
            {say("at_w", w=w): numbers.linear[w][T] - numbers.tanh[w][T] for w in GAINS},
        ),
    )


def _most_changed(say: Say, numbers: Numbers) -> str:
    """Which line tanh brings down farthest over T steps."""
    lost = {w: numbers.linear[w][T] - numbers.tanh[w][T] for w in GAINS}
    most = max(GAINS, key=lambda w: lost[w])
    return say("most_changed", w=most, factor=say.ten_to(lost[most]))


def _matrices(say: Say, numbers: Numbers, seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    names = {LINEAR: say("linear"), TANH: "tanh"}

    def curves(cell: str) -> tuple[Curve, ...]:
        return tuple(
            Curve(
                say(f"{init}_{which}"), lags, tuple(map(pick, zip(*numbers.matrix[cell, init], strict=True)))
            )
            for init in INITS
            for which, pick in (("highest", max), ("lowest", min))
        )

    radii = numbers.radii
    ends = {init: _ends(numbers, LINEAR, k) for k, init in enumerate(INITS)}
    return Figure(
        "matrix",
        say("matrix_title", units=N, gain=NEAR, draws=DRAWS),
        say("matrix_question", draws=DRAWS, steps=T),
        Chart(say("lag"), say("axis"), tuple(Panel(names[c], curves(c)) for c in names), powers=True),
        say(
            "matrix_answer",
            steps=T,
            orthogonal=_span(say, numbers, LINEAR, 0),
            gaussian=_span(say, numbers, LINEAR, 1),
            smallest=min(radii),
            largest=max(radii),
            low=say.ten_to(T * math.log10(min(radii))),
            high=say.ten_to(T * math.log10(max(radii))),
            squashed_orthogonal=_span(say, numbers, TANH, 0),
            squashed_gaussian=_span(say, numbers, TANH, 1),
            wider=_wider(say, numbers),
        ),
        measured.command(matrix(seed)),
        choices=choices.least(
            say("matrix_asked"), {say(init): high - low for init, (low, high) in ends.items()}
        ),
    )


def _ends(numbers: Numbers, cell: str, init: int) -> tuple[float, float]:
    """The lowest and the highest transport at lag T."""
    found = [logs[T] for logs in numbers.matrix[cell, INITS[init]]]
    return min(found), max(found)


def _span(say: Say, numbers: Numbers, cell: str, init: int) -> str:
    """From the lowest to the highest transport at lag T; one number if both are said alike."""
    low, high = map(say.ten_to, _ends(numbers, cell, init))
    return low if low == high else say("span", low=low, high=high)


def _wider(say: Say, numbers: Numbers) -> str:
    """Whose draws lie farther apart with tanh."""
    orthogonal, gaussian = (high - low for low, high in (_ends(numbers, TANH, init) for init in (0, 1)))
    return say("gaussian_wider" if gaussian > orthogonal else "orthogonal_wider")

"""Two small networks that learn to remember a first symbol, and what each step hears; for chapter 3.

The equations are those of the cells `elman` and `lstm`, written down so that nothing has to be compiled; the
page does the same under a hand, on the same sequences.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.lesson import choices, measured
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Chart, Curve, Figure, Live, Panel
from gradlab.studies.sweep.networks import stream

CELLS = {"elman": "tanh", "lstm(forget_bias=3.0)": "LSTM"}
N, W_REC, BATCH, RATE, UPDATES = 8, 0.5, 16, 0.01, 300
T, LONGEST, NOISE = 30, 40, 0.5
CHANCE, LAST = math.log(2), 20
"""The loss of a guess; the last updates, of whose losses the mean is taken."""
LEARNED, PART = 0.1, 0.9
"""Shares of the loss of a guess: below the first it is learned, below the second a part of it."""
DIGITS = 6
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
"""Adam's."""
Array = NDArray[np.float64]


class Weights(NamedTuple):
    """Of a cell with K gates and its readout z = w_out · h + b_out."""

    w_rec: Array
    """(K, N, N): i, f, g and o of the LSTM, the one of a tanh network."""
    w_in: Array
    """(K, N)."""
    b: Array
    """(K, N)."""
    w_out: Array
    b_out: Array


class Course(NamedTuple):
    """What was seen before each update."""

    loss: tuple[float, ...]
    sent: tuple[tuple[float, ...], ...]
    """The mean over the sequences of |dL/dh_t|, t = 1..T."""


class Numbers(NamedTuple):
    """By cell."""

    start: dict[str, Weights]
    course: dict[str, Course]
    salt: int
    """Where the sequences begin in the stream of numbers."""


def uniform(salt: int, places: NDArray[Any]) -> Array:
    """The numbers in [0, 1) at some places of a stream; the page draws the same ones (mulberry32)."""
    z = np.asarray(places, np.uint32) * np.uint32(0x6D2B79F5) + np.uint32(salt)
    z = (z ^ (z >> np.uint32(15))) * (z | np.uint32(1))
    z ^= z + (z ^ (z >> np.uint32(7))) * (z | np.uint32(61))
    return np.asarray(z ^ (z >> np.uint32(14)), np.float64) / 2.0**32


def sequences(salt: int, update: int, steps: int) -> tuple[Array, Array]:
    """Inputs (steps, batch) and classes of an update: the class, -1 or 1, then noise."""
    first = (update * BATCH + np.arange(BATCH)) * LONGEST
    drawn = uniform(salt, first + np.arange(steps)[:, None])
    classes = np.where(drawn[0] < 0.5, -1.0, 1.0)
    return np.concatenate([classes[None], NOISE * (2 * drawn[1:] - 1)]), classes


def slope(weights: Weights, xs: Array, classes: Array) -> tuple[float, Weights, Array]:
    """The mean of L = ln(1 + exp(-y z)) at the last step, its gradient, and the mean |dL/dh_t| by step."""
    steps, batch = xs.shape
    passed = list(_forward(weights, xs))
    last = passed[-1][1]
    margin = classes * (last @ weights.w_out + weights.b_out)
    by_z = -classes / (1 + np.exp(margin))
    by_h, by_c = by_z[:, None] * weights.w_out, np.zeros_like(last)
    sizes, into, recurrent = np.zeros(steps), [], weights.w_rec.reshape(-1, N)
    for t in range(steps - 1, -1, -1):
        sizes[t] = np.sqrt((by_h**2).sum(axis=1)).mean()
        by_a, by_c = _back(passed[t][2], by_h, by_c)
        into.append(by_a.reshape(batch, -1))
        by_h = into[-1] @ recurrent
    every = np.concatenate(into[::-1]) / batch
    before = np.concatenate([one[0] for one in passed])
    by = Weights(
        (every.T @ before).reshape(weights.w_rec.shape),
        (xs.ravel() @ every).reshape(weights.w_in.shape),
        every.sum(axis=0).reshape(weights.b.shape),
        by_z @ last / batch,
        np.asarray(by_z.mean()),
    )
    return float(np.logaddexp(0, -margin).mean()), by, sizes


def _forward(weights: Weights, xs: Array) -> Iterator[tuple[Array, Array, tuple[Array, ...]]]:
    """The states h before and after each step, with what the way back needs."""
    h = c = np.zeros((xs.shape[1], N))
    for x in xs:
        before = h
        a = x[:, None, None] * weights.w_in + weights.b
        a += (h @ weights.w_rec.reshape(-1, N).T).reshape(a.shape)
        if a.shape[1] == 1:
            h = np.tanh(a[:, 0])
            yield before, h, (h,)
            continue
        i, f, o = (1 / (1 + np.exp(-a[:, k])) for k in (0, 1, 3))
        g, held = np.tanh(a[:, 2]), c
        c = f * c + i * g
        shown = np.tanh(c)
        h = o * shown
        yield before, h, (i, f, g, o, held, shown)


def _back(kept: tuple[Array, ...], by_h: Array, by_c: Array) -> tuple[Array, Array]:
    """From dL/dh' and dL/dc' of a step to those of what goes into its gates, and dL/dc."""
    if len(kept) == 1:
        return (by_h * (1 - kept[0] ** 2))[:, None], by_c
    i, f, g, o, held, shown = kept
    by_c = by_c + by_h * o * (1 - shown**2)
    into = (by_c * g * i * (1 - i), by_c * held * f * (1 - f), by_c * i * (1 - g**2))
    return np.stack([*into, by_h * shown * o * (1 - o)], axis=1), by_c * f


def trained(weights: Weights, salt: int, steps: int, updates: int) -> Course:
    """Adam on fresh sequences."""
    first, second = (Weights(*map(np.zeros_like, weights)) for _ in range(2))
    losses, sent = [], []
    for t in range(updates):
        loss, by, sizes = slope(weights, *sequences(salt, t, steps))
        losses.append(loss)
        sent.append(tuple(sizes.tolist()))
        first = Weights(*(FIRST * m + (1 - FIRST) * g for m, g in zip(first, by, strict=True)))
        second = Weights(*(SECOND * v + (1 - SECOND) * g**2 for v, g in zip(second, by, strict=True)))
        sizes_of = (1 - FIRST ** (t + 1), 1 - SECOND ** (t + 1))
        moved = zip(weights, first, second, strict=True)
        weights = Weights(
            *(w - RATE * (m / sizes_of[0]) / (np.sqrt(v / sizes_of[1]) + TINY) for w, m, v in moved)
        )
    return Course(tuple(losses), tuple(sent))


def drawn(cell: str, seed: int) -> Weights:
    """The weights of a cell as gradlab draws them, rounded as the page has them."""
    made, initializer = registry.make("cells", cell), registry.make("initializers", "orthogonal")
    key = stream(seed, "lesson", chapter=3, draw="first", cell=cell)
    with jax.enable_x64(True):
        params, _ = measured.quick(lambda key: made.init(key, 1, N, W_REC, initializer))(key)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    given = (
        np.asarray(params.w_rec).reshape(-1, N, N),
        np.asarray(params.w_in).reshape(-1, N),
        np.asarray(params.b).reshape(-1, N),
        rng.normal(size=N) / math.sqrt(N),
        np.zeros(()),
    )
    return Weights(*(np.round(part, DIGITS) for part in given))


def measure(seed: int) -> Numbers:
    """Both networks learn from the same sequences."""
    salt = int(np.asarray(jax.random.key_data(stream(seed, "lesson", chapter=3, draw="first")))[-1])
    start = {cell: drawn(cell, seed) for cell in CELLS}
    course = {cell: trained(weights, salt, T, UPDATES) for cell, weights in start.items()}
    return Numbers(start, course, salt)


def figure(numbers: Numbers, language: Language = ENGLISH) -> Figure:
    """The losses, and both networks under a hand."""
    say = language.of("training")
    shown = tuple(map(float, range(UPDATES)))
    lines = tuple(
        Curve(name, shown, numbers.course[cell].loss, cell=cell.partition("(")[0])
        for cell, name in CELLS.items()
    )
    return Figure(
        "learning",
        say("title", batch=BATCH, units=N, steps=T),
        say("question", steps=T, noise=NOISE, units=N, updates=UPDATES),
        Chart(say("updates"), say("loss"), (Panel("", lines),)),
        said(numbers, language),
        live=live(numbers, language),
        choices=choices.most(say("asked"), _learn(numbers, language)),
    )


def _learn(numbers: Numbers, language: Language = ENGLISH) -> dict[str, float]:
    """Who has learned at least a part of it: 1 for what is true."""
    say = language.of("training")
    found = tuple(end(course) < PART * CHANCE for course in numbers.course.values())
    pairs = {"both": (True, True), "tanh_alone": (True, False), "lstm_alone": (False, True)}
    return {say(key): float(pair == found) for key, pair in {**pairs, "neither": (False, False)}.items()}


def end(course: Course) -> float:
    """The mean loss of the last updates."""
    return math.fsum(course.loss[-LAST:]) / len(course.loss[-LAST:])


def said(numbers: Numbers, language: Language = ENGLISH) -> str:
    """Who has learned it, and what has reached the first step."""
    say = language.of("training")
    tanh, lstm = (numbers.course[cell] for cell in CELLS)
    text = say(
        "answer",
        guess=CHANCE,
        last=LAST,
        tanh=end(tanh),
        lstm=end(lstm),
        tanh_outcome=say(_outcome(tanh)),
        lstm_outcome=say(_outcome(lstm)),
        steps=T,
        tanh_share=_arrives(say, tanh, 0),
        lstm_share=_arrives(say, lstm, 0),
    )
    return f"{text} {say('buried')}" if end(tanh) >= PART * CHANCE else text


def _arrives(say: Say, course: Course, update: int) -> str:
    sent = course.sent[update]
    return say.ten_to(math.log10(sent[0]) - math.log10(sent[-1])) if sent[0] > 0 < sent[-1] else "0"


def _outcome(course: Course) -> Literal["learned", "learned_a_part", "not_learned"]:
    share = end(course) / CHANCE
    if share < LEARNED:
        return "learned"
    return "learned_a_part" if share < PART else "not_learned"


def live(numbers: Numbers, language: Language = ENGLISH) -> Live:
    """Both networks in the page."""
    cells = [
        {"name": CELLS[cell], "gates": len(weights.b), "weights": [part.ravel().tolist() for part in weights]}
        for cell, weights in numbers.start.items()
    ]
    about = {
        "N": N, "T": T, "longest": LONGEST, "updates": UPDATES, "batch": BATCH, "rate": RATE, "noise": NOISE,
        "salt": numbers.salt, "chance": CHANCE, "last": LAST, "learned": LEARNED, "part": PART,
        "adam": [FIRST, SECOND, TINY],
    }  # fmt: skip
    return Live("training", language.of("training")("live"), about | {"cells": cells})

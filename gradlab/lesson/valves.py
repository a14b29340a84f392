"""A memory of one unit trained to keep a gender, and its gates word by word; for chapter 6.

The equations are those of the cell `lstm`, written down for one unit: nothing has to be compiled.
"""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.lesson import choices
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Figure, Live, Table
from gradlab.studies.sweep.networks import stream

T, BATCH, UPDATES, RATE, FORGET_BIAS, SMALL = 16, 16, 300, 0.05, 1.0, 0.1
SUBJECT, OBJECT, ASKED, OTHER = range(4)
SHARES = (0.2, 0.25, 0.3, 0.25)
"""How often a word after the first is of each kind."""
HEARD = 256
"""Fresh texts that the gates are measured on."""
WORDS = (
    ("boy", SUBJECT, 1),
    ("sees", OTHER, 0),
    ("girl", OBJECT, -1),
    ("tired", ASKED, 0),
    ("and", OTHER, 0),
    ("queen", SUBJECT, -1),
    ("greets", OTHER, 0),
    ("king", OBJECT, 1),
    ("glad", ASKED, 0),
)
"""Word, kind, gender: the text of the walk."""
KINDS = ("subject", "object", "ending_asked", "")
GATE = (True, True, False, False, True, False)
"""Which numbers of a word are openings."""
SHUT, OPEN, CLEAR = 0.25, 0.6, 3.0
Array = NDArray[np.float64]


class Valves(NamedTuple):
    """Mean openings on fresh texts, and the walk."""

    forget: tuple[float, float]
    """At a new subject, at any other word."""
    write: tuple[float, float]
    """At a subject, at an object."""
    show: tuple[float, float]
    """Where an ending is asked for, elsewhere."""
    right: float
    """Share of endings with the right gender."""
    walk: tuple[tuple[float, ...], ...]
    """By word: f, i, g, c, o, the network's output."""


class Passed(NamedTuple):
    """What the cell has done, (T, batch) each."""

    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array


def texts(rng: np.random.Generator, count: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Inputs (T, count, 3): gender of a noun, subject or not, ending asked or not; targets and kinds.

    Targets and kinds are (T, count). The target is the gender of the latest subject where an ending is asked
    for, and 0 elsewhere.
    """
    kinds = rng.choice(4, size=(T, count), p=SHARES)
    kinds[0] = SUBJECT
    genders = rng.choice([-1.0, 1.0], size=(T, count))
    held, targets = np.zeros(count), np.zeros((T, count))
    for t in range(T):
        held = np.where(kinds[t] == SUBJECT, genders[t], held)
        targets[t] = np.where(kinds[t] == ASKED, held, 0.0)
    nouns = np.where(kinds <= OBJECT, genders, 0.0)
    return np.stack([nouns, kinds == SUBJECT, kinds == ASKED], axis=-1).astype(float), targets, kinds


def forward(weights: Array, xs: Array) -> Passed:
    """The cell from an empty state.

    `weights` (5, 5) holds w_in, w_rec and b of i, f, g and o, a row each; weights[4, 0] is the readout's.
    """
    w, r, b = weights[:4, :3], weights[:4, 3], weights[:4, 4]
    h = c = np.zeros(xs.shape[1])
    found = []
    given = xs @ w.T + b
    for at in given:
        a = at + h[:, None] * r
        i, f, o = (1 / (1 + np.exp(-a[:, k])) for k in (0, 1, 3))
        g = np.tanh(a[:, 2])
        c = f * c + i * g
        h = o * np.tanh(c)
        found.append((i, f, g, o, c, h))
    return Passed(*(np.array(part) for part in zip(*found, strict=True)))


def slope(weights: Array, xs: Array, targets: Array) -> tuple[float, Array]:
    """The mean squared error of the output weights[4, 0] * h, and its gradient, sent back through time."""
    passed, scale = forward(weights, xs), weights[4, 0]
    miss = scale * passed.h - targets
    by = np.zeros_like(weights)
    by[4, 0] = 2 * (miss * passed.h).mean()
    by_h, by_c = np.zeros(xs.shape[1]), np.zeros(xs.shape[1])
    for t in range(len(xs) - 1, -1, -1):
        i, f, g, o, c, _ = (part[t] for part in passed)
        before_c, before_h = (part[t - 1] if t else np.zeros_like(c) for part in (passed.c, passed.h))
        by_h = by_h + 2 * miss[t] * scale / miss.size
        shown = np.tanh(c)
        by_c = by_c + by_h * o * (1 - shown**2)
        by_a = np.stack(
            [
                by_c * g * i * (1 - i),
                by_c * before_c * f * (1 - f),
                by_c * i * (1 - g**2),
                by_h * shown * o * (1 - o),
            ]
        )
        by[:4, :3] += by_a @ xs[t]
        by[:4, 3] += by_a @ before_h
        by[:4, 4] += by_a.sum(axis=1)
        by_h, by_c = weights[:4, 3] @ by_a, by_c * f
    return float((miss**2).mean()), by


def trained(rng: np.random.Generator) -> Array:
    """Adam on fresh texts, from small weights."""
    weights = SMALL * rng.normal(size=(5, 5))
    weights[:, 4] = 0, FORGET_BIAS, 0, 0, 0
    weights[4, :4] = 1, 0, 0, 0
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for t in range(1, UPDATES + 1):
        xs, targets, _ = texts(rng, BATCH)
        by = slope(weights, xs, targets)[1]
        first, second = 0.9 * first + 0.1 * by, 0.99 * second + 0.01 * by**2
        weights = weights - RATE * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.99**t)) + 1e-8)
    return weights


def measure(seed: int) -> Valves:
    """Train the unit, and watch its gates on fresh texts and on the walk."""
    key = stream(seed, "lesson", chapter=6, draw="valves")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    weights = trained(rng)
    xs, targets, kinds = texts(rng, HEARD)
    passed = forward(weights, xs)
    new = (kinds == SUBJECT) & (np.arange(T) > 0)[:, None]
    right = np.sign(weights[4, 0] * passed.h) == targets
    walk = np.array([[(gender, kind == SUBJECT, kind == ASKED)] for _, kind, gender in WORDS], float)
    walked = forward(weights, walk)
    shown = weights[4, 0] * walked.h
    rows = np.stack([walked.f, walked.i, walked.g, walked.c, walked.o, shown])[:, :, 0].T
    return Valves(
        (_mean(passed.f, new), _mean(passed.f, kinds != SUBJECT)),
        (_mean(passed.i, kinds == SUBJECT), _mean(passed.i, kinds == OBJECT)),
        (_mean(passed.o, kinds == ASKED), _mean(passed.o, kinds != ASKED)),
        _mean(right, kinds == ASKED),
        tuple(map(tuple, rows.tolist())),
    )


def _mean(part: NDArray[Any], where: NDArray[np.bool_]) -> float:
    return float(part[where].mean())


def figure(valves: Valves, language: Language = ENGLISH) -> Figure:
    """The walk, word by word."""
    say = language.of("valves")
    head = (say("word"), "", "f", "i", "g", say("c_after"), "o", say("output"))
    rows = tuple(
        (
            say(word),
            say(KINDS[kind]) if KINDS[kind] else "",
            *(say.fixed(x, 2, signed=not gate) for x, gate in zip(values, GATE, strict=True)),
        )
        for (word, kind, _), values in zip(WORDS, valves.walk, strict=True)
    )
    return Figure(
        "valves",
        say("title"),
        say("question"),
        Table(head, rows),
        said(valves, language),
        live=Live("gates", say("live"), _facts(say, valves)),
        choices=choices.least(
            say("asked"),
            {say("at_a_subject"): valves.forget[0], say("at_other_words"): valves.forget[1]},
        ),
    )


def _facts(say: Say, valves: Valves) -> dict[str, Any]:
    """What the page takes a step from."""
    steps = [dict(zip(("f", "i", "g", "c", "o"), row[:5], strict=True)) for row in valves.walk]
    return {"words": [say(word) for word, _, _ in WORDS], "steps": steps}


def parted(valves: Valves) -> bool:
    """Whether the gates do what the task asks of each, on average and at every word of the walk."""
    kinds, walk = np.array([kind for _, kind, _ in WORDS]), np.array(valves.walk)
    f, i, o = walk[:, 0], walk[:, 1], walk[:, 4]
    subject, asked = kinds == SUBJECT, kinds == ASKED
    shut = (*f[subject][1:], *i[kinds == OBJECT], valves.forget[0], valves.write[1])
    opened = (*f[~subject], *i[subject], valves.forget[1], valves.write[0])
    shown = o[asked].min() > CLEAR * o[~asked].max() and valves.show[0] > CLEAR * valves.show[1]
    return bool(max(shut) < SHUT < OPEN < min(opened) and shown)


def said(valves: Valves, language: Language = ENGLISH) -> str:
    """What the gates do, in the order of the words."""
    say = language.of("valves")
    counted = say(
        "counted",
        texts=HEARD,
        words=T,
        new=valves.forget[0],
        other=valves.forget[1],
        subject=valves.write[0],
        object=valves.write[1],
        asked=valves.show[0],
        elsewhere=valves.show[1],
        right=say.fixed(math.floor(1000 * valves.right) / 10, 1),
    )
    if not parted(valves):
        return f"{counted} {say('not_parted')}"
    first, before, last = (valves.walk[at][3] for at in (0, 4, 5))
    return f"{say('parted', first=first, before=before, last=last)} {counted}"

"""The domino effect of chapter 3: layers that are fed by untrained ones wait for these."""

import math
from collections.abc import Collection
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.lesson import choices
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Chart, Curve, Figure, Panel
from gradlab.studies.sweep.networks import stream

LAYERS, LOWER, N, GAIN = 5, 3, 8, 0.5
POINTS, RATE, UPDATES, EVERY = 64, 0.5, 1000, 10
CHANCE = math.log(2)
Vector = NDArray[np.float64]
Layers = list[tuple[Vector, Vector]]


class Fallen(NamedTuple):
    """The loss at every update, by what the lower layers are while the upper ones learn."""

    trained: tuple[float, ...]
    """Taken from the network that has learned, and held."""
    along: tuple[float, ...]
    """Untrained at first, learning with the others."""
    held: tuple[float, ...]
    """Untrained, and held so."""


def measure(seed: int) -> Fallen:
    """Train a stack three times; the upper layers begin with the same weights each time."""
    rng = np.random.default_rng(
        np.asarray(jax.random.key_data(stream(seed, "lesson", chapter=3, draw="stack")))
    )
    x = rng.uniform(-2, 2, (POINTS, 2))
    y = np.sign(x[:, 0] * x[:, 1])
    sizes = [(N, 2), *[(N, N)] * (LAYERS - 1), (1, N)]
    gains = [1.0, *[GAIN] * LAYERS]
    drawn = [
        rng.normal(size=size) * gain / math.sqrt(size[1]) for size, gain in zip(sizes, gains, strict=True)
    ]
    start: Layers = [(w, np.zeros(len(w))) for w in drawn]
    learned, along = descend(start, x, y)
    _, trained = descend(learned[:LOWER] + start[LOWER:], x, y, held=range(LOWER))
    _, held = descend(start, x, y, held=range(LOWER))
    return Fallen(trained, along, held)


def descend(
    layers: Layers, x: Vector, y: Vector, held: Collection[int] = ()
) -> tuple[Layers, tuple[float, ...]]:
    """Plain descent on the mean of ln(1 + exp(-y z)); the layers that are `held` stay as they are.

    h_l = tanh(W_l h_{l-1} + b_l), z = W h_L + b; x is (points, 2), y is -1 or 1. Returns the layers and
    the loss before each update.
    """
    layers, losses, last = list(layers), [], len(layers) - 1
    for _ in range(UPDATES):
        states = [x]
        for w, b in layers[:-1]:
            states.append(np.tanh(states[-1] @ w.T + b))
        margin = y * (states[-1] @ layers[-1][0].T + layers[-1][1])[:, 0]
        losses.append(float(np.logaddexp(0, -margin).mean()))
        sent = (-y / (1 + np.exp(margin)) / len(y))[:, None]
        for k in range(last, -1, -1):
            w, b = layers[k]
            by_w, by_b = sent.T @ states[k], sent.sum(axis=0)
            if k > 0:
                sent = (sent @ w) * (1 - states[k] ** 2)
            if k not in held:
                layers[k] = (w - RATE * by_w, b - RATE * by_b)
    return layers, tuple(losses)


def figure(fallen: Fallen, language: Language = ENGLISH) -> Figure:
    """The three descents."""
    say = language.of("domino")
    curves = {say("trained"): fallen.trained, say("along"): fallen.along, say("held"): fallen.held}
    shown = range(0, UPDATES, EVERY)
    lines = tuple(
        Curve(name, tuple(map(float, shown)), tuple(losses[k] for k in shown))
        for name, losses in curves.items()
    )
    return Figure(
        "domino",
        say("title", layers=LAYERS, units=N, upper=LAYERS - LOWER),
        say("question", layers=LAYERS),
        Chart(say("updates"), say("loss"), (Panel("", lines),)),
        say(
            "answer",
            said=said(fallen, language),
            guess=CHANCE,
            trained=fallen.trained[-1],
            along=fallen.along[-1],
            held=fallen.held[-1],
        ),
        choices=choices.either(
            say("asked"), say("they_wait"), say("no"), half(fallen.trained) < half(fallen.along)
        ),
    )


def half(losses: tuple[float, ...]) -> float:
    """The first update before which the loss is below half of a guess's; infinite for none."""
    return next((float(k) for k, loss in enumerate(losses) if loss < CHANCE / 2), math.inf)


def said(fallen: Fallen, language: Language = ENGLISH) -> str:
    """Who waits for whom, from the updates that each takes to halve the loss of a guess."""
    say = language.of("domino")
    trained, along, held = map(half, fallen)
    first = say(
        "halved", trained=_updates(say, trained), along=_updates(say, along), held=_updates(say, held)
    )
    if not math.isfinite(trained) or trained >= along:
        return f"{first} {say('do_not_wait')}"
    return f"{first} {say('dominoes' if along < held else 'helps_no_more')}"


def _updates(say: Say, count: float) -> str:
    return say("some", count=round(count)) if math.isfinite(count) else say("too_many", count=UPDATES)

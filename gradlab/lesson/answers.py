"""Chapter 5: the answers to vanishing: initialisation, echo state networks, and a memory with weight 1."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from gradlab import registry
from gradlab.lesson import choices, measured
from gradlab.lesson.parts import Anatomy, Chapter, Chart, Curve, Figure, Inside, Panel, Table
from gradlab.lesson.words import number, ten_to
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.settings import Sweep

PLAIN, ESN, LSTM97 = "elman", "esn(leak=1.0)", "lstm97"
INITS, T, N, W_REC, STD = ("gaussian", "orthogonal"), 100, 16, 0.9, 0.1
HEARD, SETTLED, BACK = 1000, 50, 20
STEPS, OPEN_W, DRAWS = 5, 0.5, 10
MORE = ("gradlab remedies latch --remedy orthogonal,esn,lstm97 -T 50",)


class Gates(NamedTuple):
    """One step of a unit with a memory, as numbers."""

    x: float
    i: float
    g: float
    o: float
    c: float
    h: float


class Numbers(NamedTuple):
    """Transports by lag, the echo of a reservoir, and a memory step by step."""

    plain: dict[str, tuple[tuple[float, ...], ...]]
    """log10 of the transport by lag, of DRAWS plain networks by initialiser."""
    echo: tuple[float, ...]
    """The same of the reservoir."""
    whole: tuple[float, ...]
    """And of the network with a memory."""
    memory: tuple[float, ...]
    """log10 |dc_T/dc_t|, all ways from memory to memory."""
    alone: tuple[float, ...]
    """The same with `w_rec` = 0, where h feeds nothing."""
    recalled: tuple[float, ...]
    """By k: the share of the variance of x_{t-k} that a linear readout gets from h_t."""
    radius: float
    """Of the reservoir: the largest |eigenvalue| of W."""
    steps: tuple[Gates, ...]
    inside: Inside
    """One step of the network with a memory, and how wide its ways are."""


def grid(seed: int) -> Sweep:
    """The plain network with two initialisers, several draws of each."""
    return dataclasses.replace(_sweep(seed, (PLAIN,), INITS), seeds=DRAWS)


def _sweep(seed: int, cells: tuple[str, ...], init: tuple[str, ...]) -> Sweep:
    return Sweep(cells, init, (W_REC,), (T,), N, input_std=STD, seeds=1, seed=seed, precision="float64")


def gated(seed: int) -> Sweep:
    """The reservoir and the memory with weight 1."""
    return _sweep(seed, (ESN, LSTM97), INITS[:1])


def cut_off(seed: int) -> Sweep:
    """The memory with weight 1, nothing fed back."""
    return dataclasses.replace(_sweep(seed, (LSTM97,), INITS[:1]), w_rec=(0.0,))


def measure(seed: int) -> Numbers:
    """Measure the answers side by side, listen to the reservoir, and walk through the gates."""
    drawn, others = measured.draws(grid(seed)), measured.networks(gated(seed))
    plain = {init: tuple(map(measured.transport, drawn[PLAIN, init, W_REC])) for init in INITS}
    reservoir, carousel = (others[cell, INITS[0], W_REC] for cell in (ESN, LSTM97))
    with jax.enable_x64(True):
        recalled, radius = _echo(seed)
        steps = _walk(seed)
    alone = measured.networks(cut_off(seed))[LSTM97, INITS[0], 0.0]
    memory, cut = (measured.transport(network, memory=True) for network in (carousel, alone))
    echo, whole = measured.transport(reservoir), measured.transport(carousel)
    inside = measured.inside("long short-term memory of 1997", LSTM97, carousel)
    return Numbers(plain, echo, whole, memory, cut, recalled, radius, steps, inside)


def _echo(seed: int) -> tuple[tuple[float, ...], float]:
    """How much of the input k steps ago a linear readout of the reservoir recovers, on unseen steps."""
    cell, initializer = registry.make("cells", ESN), registry.make("initializers", "gaussian")
    key = stream(seed, "lesson", chapter=5, draw="reservoir")
    params, state = cell.init(key, 1, N, W_REC, initializer)
    xs = STD * jax.random.normal(jax.random.fold_in(key, 1), (2 * HEARD, 1), float)
    hidden = np.asarray(_run(cell)(params, state, xs))
    inputs, rows = np.asarray(xs)[:, 0], np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)
    recalled = []
    for k in range(BACK + 1):
        wanted = np.roll(inputs, k)
        fit = np.linalg.lstsq(rows[SETTLED:HEARD], wanted[SETTLED:HEARD], rcond=None)[0]
        miss = wanted[HEARD:] - rows[HEARD:] @ fit
        recalled.append(max(0.0, float(1 - miss.var() / wanted[HEARD:].var())))
    return tuple(recalled), float(np.abs(np.linalg.eigvals(np.asarray(params.w_rec))).max())


@functools.cache
def _run(cell: Any) -> Any:
    """`(params, state, xs) -> h` of every step."""

    def body(params: Any, state: Any, x: Any) -> tuple[Any, Any]:
        state = cell.step(params, state, x)
        return state, cell.readout(state)

    return measured.quick(lambda p, s, xs: jax.lax.scan(lambda s, x: body(p, s, x), s, xs)[1])


def _walk(seed: int) -> tuple[Gates, ...]:
    """A memory of one unit, step by step: x, the gates, the memory and what it shows."""
    cell, initializer = registry.make("cells", LSTM97), registry.make("initializers", "identity")
    key = stream(seed, "lesson", chapter=5, draw="unit")
    params, state = cell.init(key, 1, 1, OPEN_W, initializer)
    xs = jax.random.normal(jax.random.fold_in(key, 1), (STEPS, 1), float)
    found = []
    for x in xs:
        before, gates = state, cell.gate_values(params, state, x)
        state = cell.step(params, state, x)
        i, o = (float(gates[name][0]) for name in "io")
        c, h = float(state.c[0]), float(state.h[0])
        found.append(Gates(float(x[0]), i, (c - float(before.c[0])) / i, o, c, h))
    return tuple(found)


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    paragraphs = (
        "**A better initialisation.** If the product of many matrices is the trouble, begin with a matrix "
        "whose products stay tame. An orthogonal matrix has all singular values 1; times `w_rec` they are "
        "all `w_rec`. This sets the first network only: training moves W away from it.",
        "**Do not train the recurrence.** An echo state network draws W once, scales it so that its largest "
        f"eigenvalue has the size `w_rec` ({number(numbers.radius)} here) and leaves it alone. The network "
        f"is a "
        "pond, and each input makes ripples. Only a linear readout is fitted, by least squares: no error has "
        "to go back through time at all.",
        "**A memory with weight 1.** The long short-term memory gives each unit a second number, the memory "
        "c. It is carried to the next step with weight exactly 1, and new content is added to it: $c_{t} = "
        "c_{t−1} + i · g$. Here g = tanh(...) is what could be stored, and the *input gate* i = σ(...), "
        "between 0 and 1, says how much of it is. The *output gate* o = σ(...) says how much of the memory "
        "is shown: $h_{t} = o · tanh(c_{t})$. Each (...) sees x_{t} and h_{t−1}. Along the memory "
        "$dc_{t}/dc_{t−1} = 1$, so nothing vanishes on this path, however long it is.",
    )
    figures = (
        _inside(numbers, seed),
        _gates(numbers, seed),
        _profiles(numbers, seed),
        _echoes(numbers, seed),
    )
    closing = (
        "The way through the memory is not the only one, for h feeds the gates. With `w_rec` = 0, where "
        f"nothing is fed back, |dc_{{T}}/dc_{{t}}| over {T} steps is {ten_to(numbers.alone[T])}. With "
        f"`w_rec` = {W_REC:g} it is {ten_to(numbers.memory[T])}. (The figure has "
        f"{ten_to(numbers.whole[T])} for this network, as the transport there is "
        "that of the whole state, h and c together; here both ends are c.) Weight 1 keeps the way through "
        f"the memory open, it does not keep the other ways from {_change(numbers.memory[T])}. And what is "
        "never forgotten piles up; the forget gate of the next chapter is the answer to that.",
    )
    return Chapter("The answers to vanishing", paragraphs, figures, closing, MORE)


def _change(log: float) -> str:
    """What the other ways do to an error that the memory alone would leave as it is."""
    return "adding to it" if log >= 0 else "taking from it"


def _inside(numbers: Numbers, seed: int) -> Figure:
    opened, shares = numbers.inside.openings(), numbers.inside.shares()
    more = "more" if shares["c"] > shares["h"] else "not more"
    return Figure(
        "anatomy",
        "One step of the cell: layers are boxes with weights, circles work unit by unit; orange is the "
        "gradient on its way back, as wide as the gate that it meets is open on average",
        "Follow the gradient from c' on the right to c on the left. What is it multiplied by on its way?",
        Anatomy((numbers.inside,)),
        "By nothing: on the top line it meets a copy and a sum, and both pass it on whole. All other ways "
        f"lead through a gate, i = {number(opened['i'])} or o = {number(opened['o'])} on average here, and "
        f"through the matrices below. Of the squared transport over the lags 1 to {T}, "
        f"{shares['c']:.1%} arrives in c and {shares['h']:.1%} in h, which feeds the gates: {more} in the "
        "memory.",
        f"gradlab lesson 5 --seed {seed}",
        choices=choices.most("Where does more of the squared transport arrive, over all lags?", shares),
    )


def _gates(numbers: Numbers, seed: int) -> Figure:
    head = ("t", "x", "i", "g", "i · g", "c after", "o", "o · tanh(c)")
    rows = tuple(
        (str(t), *(f"{v:+.3f}".replace("-", "−") for v in (s.x, s.i, s.g, s.i * s.g, s.c, s.o, s.h)))
        for t, s in enumerate(numbers.steps, start=1)
    )
    first, last = numbers.steps[0], numbers.steps[-1]
    stored = first.i * first.g
    return Figure(
        "gates",
        f"One unit with a memory of weight 1, {STEPS} steps, starting from c = 0 and h = 0: each step adds "
        "i · g to c and then shows h = o · tanh(c)",
        f"The first step stores i · g = {number(stored)}. How much of it is still in c after step {STEPS}?",
        Table(head, rows),
        f"All of it. c is a plain sum: {' + '.join(number(s.i * s.g) for s in numbers.steps)} = "
        f"{number(last.c)}. Read a row from left to right: at t = 1 the gate lets {number(first.i)} of "
        f"g = {number(first.g)} in, and the output gate shows {number(first.o)} of tanh({number(first.c)}), "
        f"that "
        f"is h = {number(first.h)}.".replace("+ −", "− "),
        f"gradlab lesson 5 --seed {seed}",
        choices=choices.above(
            f"How much of it is still in c after step {STEPS}?",
            (last.c - sum(s.i * s.g for s in numbers.steps[1:])) / stored,
            {"all of it": 0.75, "about a half": 0.25, "next to nothing": 0.0},
        ),
    )


def _profiles(numbers: Numbers, seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    ends = {
        f"{init}, {which}": tuple(map(pick, zip(*numbers.plain[init], strict=True)))
        for init in INITS
        for which, pick in (("highest", max), ("lowest", min))
    }
    lines = ends | {"echo state": numbers.echo, "memory, weight 1": numbers.whole}
    curves = tuple(Curve(name, lags, logs) for name, logs in lines.items())
    return Figure(
        "answers",
        f"The transport by lag at `w_rec` = {W_REC:g}, {N} units: {DRAWS} plain networks of each "
        "initialisation, the highest and the lowest at each lag; a reservoir; a memory",
        f"All are run at the same `w_rec` = {W_REC:g}. Which line stays up, and does the better "
        "initialisation beat the law w^{lag} of a single unit?",
        Chart("lag", "transport", (Panel("", curves),), powers=True),
        f"After {T} steps the memory has {ten_to(numbers.whole[T])} and the reservoir "
        f"{ten_to(numbers.echo[T])}; the orthogonal networks have {_span(numbers, INITS[1])}, the Gaussian "
        f"ones {_span(numbers, INITS[0])}. The law alone gives {ten_to(T * float(np.log10(W_REC)))}: an "
        "orthogonal matrix stretches no direction, so it cannot beat the law, and tanh takes something away. "
        f"{_tamer(numbers)} A reservoir is meant to fade: that is what lets it forget old inputs.",
        measured.command(grid(seed)) + "\n" + measured.command(gated(seed)),
        choices=choices.most(
            "Which stays highest?",
            {f"the highest {init} one": max(logs[T] for logs in numbers.plain[init]) for init in INITS}
            | {"the echo state network": numbers.echo[T], "the memory": numbers.whole[T]},
        ),
    )


def _ends(numbers: Numbers, init: str) -> tuple[float, float]:
    """The lowest and the highest transport at lag T."""
    found = [logs[T] for logs in numbers.plain[init]]
    return min(found), max(found)


def _span(numbers: Numbers, init: str) -> str:
    low, high = _ends(numbers, init)
    return f"{ten_to(low)} to {ten_to(high)}"


def _tamer(numbers: Numbers) -> str:
    """What orthogonal initialisation is better at: its draws lie together."""
    gaussian, orthogonal = (high - low for low, high in (_ends(numbers, init) for init in INITS))
    if orthogonal < gaussian:
        return (
            f"What it gives is certainty: its draws lie within a factor of {ten_to(orthogonal)}, those of a "
            f"Gaussian one within {ten_to(gaussian)}."
        )
    return (
        f"Its draws lie within a factor of {ten_to(orthogonal)}, a Gaussian one's within {ten_to(gaussian)}."
    )


def _echoes(numbers: Numbers, seed: int) -> Figure:
    back = tuple(map(float, range(BACK + 1)))
    half = next((k for k, share in enumerate(numbers.recalled) if share < 0.5), BACK + 1)
    return Figure(
        "echo",
        f"What a linear readout of the reservoir's {N} numbers recalls of the input k steps ago",
        f"The reservoir was never trained. How far back can a readout of its {N} numbers hear the input?",
        Chart("k", "share recalled", (Panel("", (Curve("echo state", back, numbers.recalled),)),)),
        f"Of the input itself {number(numbers.recalled[0])} of the variance, of that one step ago "
        f"{number(numbers.recalled[1])}. It falls below one half "
        + (f"at k = {half}" if half <= BACK else f"nowhere up to k = {BACK}")
        + f", and all shares together make {number(sum(numbers.recalled))}: a reservoir of {N} numbers "
        f"cannot hold more than {N} independent ones.",
        f"gradlab lesson 5 --seed {seed}",
        choices=choices.above(
            "Where does the share recalled fall below one half?",
            half,
            {f"from k = {N}": N, f"k = {N // 2} to {N - 1}": N // 2, f"before k = {N // 2}": 0},
        ),
    )

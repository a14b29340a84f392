"""Chapter 5: the answers to vanishing: initialisation, echo state networks, and a memory with weight 1."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from gradlab import registry
from gradlab.lesson import choices, measured
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Anatomy, Chapter, Chart, Curve, Figure, Inside, Panel, Table
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
    inside = measured.inside("1997", LSTM97, carousel)
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


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("answers")
    paragraphs = (say("initialisation"), say("echo", radius=numbers.radius), say("memory"))
    figures = (
        _inside(say, numbers),
        _gates(say, numbers),
        _profiles(say, numbers, seed),
        _echoes(say, numbers),
    )
    closing = say(
        "adding" if numbers.memory[T] >= 0 else "taking",
        steps=T,
        alone=say.ten_to(numbers.alone[T]),
        gain=W_REC,
        memory=say.ten_to(numbers.memory[T]),
        whole=say.ten_to(numbers.whole[T]),
    )
    return Chapter(say("title"), paragraphs, figures, (closing,), MORE)


def _inside(say: Say, numbers: Numbers) -> Figure:
    opened, shares = numbers.inside.openings(), numbers.inside.shares()
    return Figure(
        "anatomy",
        say("anatomy_title"),
        say("anatomy_question"),
        Anatomy((numbers.inside._replace(title=say("of_1997")),)),
        say(
            "more_in_memory" if shares["c"] > shares["h"] else "not_more_in_memory",
            i=opened["i"],
            o=opened["o"],
            steps=T,
            in_c=say.fixed(100 * shares["c"], 1),
            in_h=say.fixed(100 * shares["h"], 1),
        ),
        choices=choices.most(say("anatomy_asked"), shares),
    )


def _gates(say: Say, numbers: Numbers) -> Figure:
    head = ("t", "x", "i", "g", "i · g", say("c_after"), "o", "o · tanh(c)")
    rows = tuple(
        (str(t), *(say.fixed(v, 3, signed=True) for v in (s.x, s.i, s.g, s.i * s.g, s.c, s.o, s.h)))
        for t, s in enumerate(numbers.steps, start=1)
    )
    first, last = numbers.steps[0], numbers.steps[-1]
    stored = first.i * first.g
    return Figure(
        "gates",
        say("gates_title", steps=STEPS),
        say("gates_question", stored=stored, steps=STEPS),
        Table(head, rows),
        say(
            "gates_answer",
            sum=" + ".join(say.number(s.i * s.g) for s in numbers.steps).replace("+ −", "− "),
            c=last.c,
            i=first.i,
            g=first.g,
            o=first.o,
            first=first.c,
            h=first.h,
        ),
        choices=choices.above(
            say("gates_asked", steps=STEPS),
            (last.c - sum(s.i * s.g for s in numbers.steps[1:])) / stored,
            {say("all_of_it"): 0.75, say("a_half"): 0.25, say("next_to_nothing"): 0.0},
        ),
    )


def _profiles(say: Say, numbers: Numbers, seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    ends = {
        say(f"{init}_{which}"): tuple(map(pick, zip(*numbers.plain[init], strict=True)))
        for init in INITS
        for which, pick in (("highest", max), ("lowest", min))
    }
    curves = (
        *(Curve(name, lags, logs) for name, logs in ends.items()),
        Curve(say("echo_state"), lags, numbers.echo, cell="esn"),
        Curve(say("weight_1"), lags, numbers.whole, cell=LSTM97),
    )
    return Figure(
        "answers",
        say("profiles_title", gain=W_REC, units=N, draws=DRAWS),
        say("profiles_question", gain=W_REC),
        Chart(say("lag"), say("transport"), (Panel("", curves),), powers=True),
        say(
            "profiles_answer",
            steps=T,
            memory=say.ten_to(numbers.whole[T]),
            reservoir=say.ten_to(numbers.echo[T]),
            orthogonal=_span(say, numbers, INITS[1]),
            gaussian=_span(say, numbers, INITS[0]),
            law=say.ten_to(T * float(np.log10(W_REC))),
            tamer=_tamer(say, numbers),
        ),
        measured.command(grid(seed)) + "\n" + measured.command(gated(seed)),
        choices=choices.most(
            say("profiles_asked"),
            {say(f"the_highest_{init}"): max(logs[T] for logs in numbers.plain[init]) for init in INITS}
            | {say("the_echo_state"): numbers.echo[T], say("the_memory"): numbers.whole[T]},
        ),
    )


def _ends(numbers: Numbers, init: str) -> tuple[float, float]:
    """The lowest and the highest transport at lag T."""
    found = [logs[T] for logs in numbers.plain[init]]
    return min(found), max(found)


def _span(say: Say, numbers: Numbers, init: str) -> str:
    low, high = _ends(numbers, init)
    return say("span", low=say.ten_to(low), high=say.ten_to(high))


def _tamer(say: Say, numbers: Numbers) -> str:
    """What orthogonal initialisation is better at: its draws lie together."""
    gaussian, orthogonal = (high - low for low, high in (_ends(numbers, init) for init in INITS))
    key = "certainty" if orthogonal < gaussian else "no_certainty"
    return say(key, orthogonal=say.ten_to(orthogonal), gaussian=say.ten_to(gaussian))


def _echoes(say: Say, numbers: Numbers) -> Figure:
    back = tuple(map(float, range(BACK + 1)))
    half = next((k for k, share in enumerate(numbers.recalled) if share < 0.5), BACK + 1)
    return Figure(
        "echo",
        say("echo_title", units=N),
        say("echo_question", units=N),
        Chart(
            say("k"),
            say("recalled"),
            (Panel("", (Curve(say("echo_state"), back, numbers.recalled, cell="esn"),)),),
        ),
        say(
            "echo_answer",
            now=numbers.recalled[0],
            before=numbers.recalled[1],
            half=say("half_at", k=half) if half <= BACK else say("half_nowhere", k=BACK),
            together=sum(numbers.recalled),
            units=N,
        ),
        choices=choices.above(
            say("echo_asked"),
            half,
            {
                say("from_k", k=N): N,
                say("between_k", first=N // 2, last=N - 1): N // 2,
                say("before_k", k=N // 2): 0,
            },
        ),
    )

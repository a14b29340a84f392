"""Chapter 4: exploding, the cliff, and what truncation, penalty and clipping each do."""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.lesson import choices
from gradlab.lesson.bent import LIMIT, PENALTY_STEPS, SHORT, W_REC, N, T, bent
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.measured import quick
from gradlab.lesson.parts import Chapter, Chart, Curve, Figure, Grid, Live, Panel
from gradlab.recurrence.activations import sigmoid

STEPS, TARGET, START = 50, 0.7, 0.5
W_RANGE, B_RANGE, CELLS = (3.0, 7.0), (-4.0, -1.0), (121, 91)
AT, RATE, MOVES, BESIDE = 5.0, 0.05, 200, 0.03
STARTS, AWAY, FLAT = (0.01, 0.05, 41), 1.0, 1e-3
"""How far above the wall the many walks begin: from, to, how many. Then how far off
is thrown away, and how far is no way."""
LINES = {"as it is": "as_it_is", "truncated": "truncated", "penalty": "penalty", "clipped": "clipped"}
"""The keys of what the lines of `bent` are called."""
MORE = ("gradlab remedies latch --remedy clip_norm,truncate,omega -T 20",)


class Walk(NamedTuple):
    """A descent on E, the start first."""

    places: tuple[tuple[float, float], ...]
    """(w, b)."""
    errors: tuple[float, ...]
    """E there."""
    flat: float
    """|dE/d(w, b)| at the end."""


class Numbers(NamedTuple):
    """The error surface of one unit, and the error going back in a network that explodes."""

    slopes: tuple[tuple[float, ...], ...]
    """log10 of |dE/d(w, b)| by b and w."""
    steepest: tuple[float, float]
    """Beside w = AT: the b of the largest |dE/d(w, b)|, and that value."""
    cut: float
    """The largest one on the same line if the error goes back SHORT steps only."""
    usual: float
    """The median over the map."""
    free: Walk
    """Plain descent."""
    clipped: Walk
    thrown: tuple[int, int]
    """Of walks from STARTS, plain and clipped: how many end farther than AWAY from where they began."""
    adjoints: dict[str, tuple[float, ...]]
    """log10 |dL/dh_t| by lag: of the network as it is, and with each remedy."""
    shrunk: float
    """What clipping multiplies the whole gradient by."""


def wall(w: float) -> float:
    """The b at which the first state is the unstable fixed point: σ(START) w + b = START.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks, for
    the network and the shape of its error surface.
    """
    return START - w / (1 + math.exp(-START))


def _error(point: Any, sent: int) -> Any:
    """E = (σ(h_50) - 0.7)^2 with h_t = w σ(h_{t-1}) + b; its error goes back over the last `sent` steps."""

    def body(t: Any, h: Any) -> Any:
        h = jnp.where(t == STEPS - sent, jax.lax.stop_gradient(h), h)
        return point[0] * sigmoid(h) + point[1]

    return (sigmoid(jax.lax.fori_loop(0, STEPS, body, jnp.asarray(START, float))) - TARGET) ** 2


@functools.cache
def _slopes(sent: int) -> Any:
    return quick(lambda points: jax.vmap(jax.grad(_error), (0, None))(points, sent))


@functools.cache
def _descent() -> Any:
    """`(points, limit) -> places, errors, sizes of the slope` of descents, MOVES + 1 rows of each.

    The gradient is shortened to `limit`.
    """

    def run(point: Any, limit: Any) -> Any:
        def move(point: Any, _: Any) -> Any:
            error, slope = jax.value_and_grad(_error)(point, STEPS)
            size = jnp.sqrt(jnp.sum(slope**2))
            moved = point - RATE * slope * jnp.minimum(1.0, limit / jnp.maximum(size, 1e-300))
            return moved, (point, error, size)

        return jax.lax.scan(move, point, None, length=MOVES + 1)[1]

    return quick(jax.vmap(run, (0, None)))


def measure(seed: int) -> Numbers:
    """Map the surface, walk on it with and without clipping, and bend an exploding error three ways."""
    with jax.enable_x64(True):
        w, b = np.linspace(*W_RANGE, CELLS[0]), np.linspace(*B_RANGE, CELLS[1])
        points = np.stack(np.meshgrid(w, b), axis=-1).reshape(-1, 2)
        size = np.linalg.norm(np.asarray(_slopes(STEPS)(points)), axis=1)
        line = np.stack([np.full(8001, AT), wall(AT) + np.linspace(-0.004, 0.004, 8001)], axis=1)
        steep = np.linalg.norm(np.asarray(_slopes(STEPS)(line)), axis=1)
        cut = np.linalg.norm(np.asarray(_slopes(SHORT)(line)), axis=1)
        free, clipped = (_walked(limit) for limit in (math.inf, LIMIT))
        adjoints, shrunk = bent(seed)
    with np.errstate(divide="ignore"):
        logs = np.log10(size).reshape(CELLS[1], CELLS[0])
    steepest = (float(line[steep.argmax(), 1]), float(steep.max()))
    slopes = tuple(map(tuple, logs.tolist()))
    thrown = (free[1], clipped[1])
    ends = (float(cut.max()), float(np.median(size)))
    return Numbers(slopes, steepest, *ends, free[0], clipped[0], thrown, adjoints, shrunk)


def _walked(limit: float) -> tuple[Walk, int]:
    """The descent from BESIDE the wall, and how many of those from STARTS are thrown away."""
    above = [BESIDE, *np.linspace(*STARTS).tolist()]
    begin = jnp.asarray([(AT, wall(AT) + height) for height in above])
    places, errors, sizes = (np.asarray(part) for part in _descent()(begin, limit))
    gone = np.linalg.norm(places[:, -1] - places[:, 0], axis=1) > AWAY
    walk = Walk(tuple(map(tuple, places[0].tolist())), tuple(errors[0].tolist()), float(sizes[0, -1]))
    return walk, int(gone[1:].sum())


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("cliff")
    paragraphs = (
        say("unit", start=START, steps=STEPS, target=TARGET),
        say("ridge", start=START, slope=say.number((START - wall(AT)) / AT, 5)),
        say("remedies", limit=LIMIT, short=SHORT),
    )
    closing = (
        say(
            "steepest",
            w=AT,
            wall=say.number(wall(AT), 6),
            b=say.number(numbers.steepest[0], 6),
            slope=numbers.steepest[1],
            usual=numbers.usual,
            short=SHORT,
            cut=numbers.cut,
        ),
        say("in_short"),
    )
    figures = (_surface(say, numbers), _remedies(say, numbers))
    return Chapter(say("title"), paragraphs, figures, closing, MORE)


def _surface(say: Say, numbers: Numbers) -> Figure:
    ends = [(START - b) * (START - wall(1.0)) ** -1 for b in (B_RANGE[1], B_RANGE[0])]
    w_ends = [max(W_RANGE[0], ends[0], 4.2552), min(W_RANGE[1], ends[1])]
    walks = [
        Curve(label, tuple(w for w, _ in walk.places), tuple(b for _, b in walk.places), "dots")
        for label, walk in ((say("plain_descent"), numbers.free), (say("clipped_descent"), numbers.clipped))
    ]
    lines = (Curve(say("by_formula"), tuple(w_ends), tuple(map(wall, w_ends)), "dashed"), *walks)
    w = tuple(np.linspace(*W_RANGE, CELLS[0]).tolist())
    b = tuple(np.linspace(*B_RANGE, CELLS[1]).tolist())
    return Figure(
        "cliff",
        say("cliff_title", moves=MOVES),
        say("cliff_question", height=BESIDE, rate=RATE),
        Grid(w, b, numbers.slopes, ("w", "b", "|dE/d(w, b)|"), lines),
        _walks(say, numbers),
        live=Live("cliff", say("live"), _facts()),
        choices=choices.least(
            say("cliff_asked"),
            {say("the_plain_one"): _late(numbers.free), say("the_clipped_one"): _late(numbers.clipped)},
        ),
    )


def _facts() -> dict[str, Any]:
    """What the page walks on."""
    begin = {"w": AT, "b": wall(AT) + BESIDE, "rate": RATE, "limit": LIMIT, "moves": MOVES}
    return {"start": START, "steps": STEPS, "target": TARGET, "ranges": [W_RANGE, B_RANGE], **begin}


def _walks(say: Say, numbers: Numbers) -> str:
    """What became of the two walkers, and of many."""
    free, clipped = numbers.free, numbers.clipped
    far, at = max((math.dist(*pair), k) for k, pair in enumerate(itertools.pairwise(free.places), start=1))
    w, b = free.places[at]
    crossed = sum(
        (b0 > wall(w0)) != (b1 > wall(w1)) for (w0, b0), (w1, b1) in itertools.pairwise(clipped.places)
    )
    return say(
        "walks",
        begin=free.errors[0],
        at=at,
        far=far,
        w=w,
        b=b,
        error=free.errors[at],
        after=_after(say, free, at),
        longest=RATE * LIMIT,
        crossing=_crossing(say, crossed, clipped),
        plain=_late(free),
        clipped=_late(clipped),
        starts=STARTS[2],
        low=STARTS[0],
        high=STARTS[1],
        away=AWAY,
        plain_thrown=numbers.thrown[0],
        clipped_thrown=numbers.thrown[1],
    )


def _late(walk: Walk) -> float:
    """The median of E over the second half of a walk: single steps leap across the wall and back."""
    return float(np.median(walk.errors[len(walk.errors) // 2 :]))


def _after(say: Say, walk: Walk, at: int) -> str:
    """What a walk does after its longest step, step `at`."""
    if math.dist(walk.places[at], walk.places[-1]) < FLAT:
        return say("stays", slope=walk.flat)
    return say("goes_on", w=walk.places[-1][0], b=walk.places[-1][1])


def _crossing(say: Say, crossed: int, walk: Walk) -> str:
    """How often a walk steps over the wall, and what that costs it."""
    if not crossed:
        return say("never_over")
    if crossed == 1:
        return say("once_over", error=max(walk.errors))
    return say("often_over", times=crossed, error=max(walk.errors))


def _remedies(say: Say, numbers: Numbers) -> Figure:
    names = {name: say(key) for name, key in LINES.items()}
    known = {
        name: [lag for lag, log in enumerate(logs) if math.isfinite(log)]
        for name, logs in numbers.adjoints.items()
    }
    curves = tuple(
        Curve(names[name], tuple(map(float, known[name])), tuple(logs[lag] for lag in known[name]))
        for name, logs in numbers.adjoints.items()
    )
    plain, turned = numbers.adjoints["as it is"], numbers.adjoints["penalty"]
    return Figure(
        "remedies",
        say("remedies_title", units=N, gain=W_REC),
        say("remedies_question"),
        Chart(say("lag"), say("adjoint"), (Panel("", curves),), powers=True),
        say(
            "remedies_answer",
            plain=say(
                "grows" if plain[T] > plain[0] else "falls",
                first=say.ten_to(plain[0]),
                last=say.ten_to(plain[T]),
            ),
            last=known["truncated"][-1],
            clipping=say("lower" if numbers.shrunk < 1 else "the_same", factor=numbers.shrunk),
            steps=PENALTY_STEPS,
            lag=T,
            turned=say.ten_to(turned[T]),
        ),
        choices=choices.least(
            say("remedies_asked"),
            {
                names[name]: _bend(logs, plain)
                for name, logs in numbers.adjoints.items()
                if name != "as it is"
            },
        ),
    )


def _bend(logs: tuple[float, ...], plain: tuple[float, ...]) -> float:
    """How far a line is from another one moved up or down as a whole; infinite where it has an end."""
    apart = [one - other for one, other in zip(logs, plain, strict=True)]
    return max(apart) - min(apart) if all(map(math.isfinite, apart)) else math.inf

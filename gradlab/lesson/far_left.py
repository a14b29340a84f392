"""Chapter 3: why the far left of the unrolled network learns slower."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.lesson import choices, domino, training
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Chapter, Chart, Curve, Figure, Panel
from gradlab.studies.remedies.losses import evaluate, sample
from gradlab.studies.remedies.networks import Network, Setting, Weights, initialised
from gradlab.studies.sweep.networks import stream
from gradlab.types import Remedy

CELLS = ("elman", "lstm(forget_bias=3.0)")
TASK, T, N, W_REC, BATCH, RATE = "latch", 20, 8, 0.5, 16, 0.1
UPDATES, EVAL_SIZE = (10, 100, 1000), 500
MORE = (
    f"gradlab remedies {TASK} -r orthogonal,lstm --optimizer sgd --lr {RATE} -T 5,{T} --w-rec {W_REC} -N {N} "
    f"--batch {BATCH}",
)
"""The chapter's network and plain descent, with the clue near and far."""


class Learned(NamedTuple):
    """One network while it learns, at each evaluation."""

    change: tuple[tuple[float, ...], ...]
    """By evaluation and time step: the norm of what the uses at that step have added to the weights."""
    together: tuple[float, ...]
    """The norm of the whole change of the cell's weights."""
    loss: tuple[float, ...]
    """On fresh sequences."""


class Numbers(NamedTuple):
    """Each cell's run, the loss of a guess, a stack of layers, and two networks that the page trains, too."""

    learned: dict[str, Learned]
    chance: float
    stack: domino.Fallen
    first: training.Numbers


def setting(cell: str) -> Setting:
    """The task and the network; plain gradient descent."""
    task, made = registry.make("tasks", TASK), registry.make("cells", cell)
    return Setting(task, made, Remedy(), T, N, BATCH)


def measure(seed: int) -> Numbers:
    """Train each cell, and keep apart what each time step's use of the weights has added to them."""
    with jax.enable_x64(True):
        learned = {}
        for cell in CELLS:
            key = stream(seed, "lesson", chapter=3, cell=cell)
            found = jax.tree.map(np.asarray, _training(setting(cell))(key))
            learned[cell] = Learned(*(_plain(part) for part in found))
    chance = registry.make("tasks", TASK).chance(T)
    return Numbers(learned, chance, domino.measure(seed), training.measure(seed))


def _plain(part: Any) -> Any:
    return tuple(map(tuple, part.tolist())) if part.ndim == 2 else tuple(part.tolist())


@functools.cache
def _training(setting: Setting) -> Any:
    """`key -> Learned`: every time step works on a copy of the weights, and all copies stay equal."""

    def loss(copies: Any, weights: Weights, state: Any, example: Any) -> Any:
        def body(state: Any, item: Any) -> tuple[Any, Any]:
            state = setting.cell.step(item[0], state, item[1])
            return state, setting.cell.readout(state)

        _, hidden = jax.lax.scan(body, state, (copies, example.xs))
        return setting.task.loss(hidden @ weights.w_out.T + weights.b_out[None], example)

    def mean_loss(copies: Any, weights: Weights, state: Any, examples: Any) -> Any:
        return jax.vmap(lambda example: loss(copies, weights, state, example))(examples).mean()

    def update(network: Network, moved: Any, t: Any) -> Any:
        keys = jax.random.split(jax.random.fold_in(network.key, t), setting.batch)
        examples = sample(setting, keys, float)
        weights = network.weights
        copies = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (setting.T, *leaf.shape)), weights.cell)
        by_step, rest = jax.grad(mean_loss, argnums=(0, 1))(copies, weights, network.state, examples)
        moved = jax.tree.map(lambda m, g: m - RATE * g, moved, by_step)
        whole = rest._replace(cell=jax.tree.map(lambda g: g.sum(axis=0), by_step))
        weights = jax.tree.map(lambda w, g: w - RATE * g, weights, whole)
        return network._replace(weights=weights), moved

    def run(key: Any) -> Any:
        initializer = registry.make("initializers", "orthogonal")
        network = initialised(setting, initializer, W_REC, RATE, key, float)
        moved = jax.tree.map(lambda leaf: jnp.zeros((setting.T, *leaf.shape), float), network.weights.cell)

        def evaluated(loop: Any, borders: Any) -> Any:
            network, moved = jax.lax.fori_loop(
                borders[0], borders[1], lambda t, loop: update(loop[0], loop[1], t), loop
            )
            seen, _ = evaluate(setting, network, jax.random.fold_in(network.key, 2**31), EVAL_SIZE)
            whole = _sizes(jax.tree.map(lambda m: m.sum(axis=0)[None], moved))[0]
            return (network, moved), (_sizes(moved), whole, seen)

        borders = jnp.asarray(list(itertools.pairwise((0, *UPDATES))))
        return jax.lax.scan(evaluated, (network, moved), borders)[1]

    return jax.jit(run)


def _sizes(moved: Any) -> Any:
    return jnp.sqrt(sum(jnp.sum(leaf.reshape(len(leaf), -1) ** 2, axis=1) for leaf in jax.tree.leaves(moved)))


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("far_left")
    plain, gated = (numbers.learned[cell] for cell in CELLS)
    paragraphs = (
        say("task", steps=T),
        say("accounts", units=N, gain=W_REC, rate=RATE),
        say("looks", updates=say.listed([str(updates) for updates in UPDATES])),
    )
    closing = (
        say(
            "losses",
            losses=say.listed([say.number(x) for x in plain.loss]),
            guess=numbers.chance,
            gated=say.listed([say.number(x) for x in gated.loss]),
            outcome=_outcome(say, plain, numbers.chance),
        ),
        say("slow"),
    )
    figures = (
        _figure(say, numbers),
        training.figure(numbers.first, language),
        domino.figure(numbers.stack, language),
    )
    return Chapter(say("title"), paragraphs, figures, closing, MORE)


def _figure(say: Say, numbers: Numbers) -> Figure:
    plain, gated = (numbers.learned[cell] for cell in CELLS)
    ratio = [row[-1] / row[0] for row in plain.change]
    far = ratio[-1] > 10
    return Figure(
        "change",
        say("change_title"),
        say("change_question", times=UPDATES[-1] // UPDATES[0]),
        Chart(
            say("step"), say("change"), tuple(_panel(say, c, numbers.learned[c]) for c in CELLS), powers=True
        ),
        say(
            "change_answer",
            few=UPDATES[0],
            more=UPDATES[1],
            most=UPDATES[2],
            steps=T,
            first=ratio[0],
            second=ratio[1],
            third=ratio[2],
            end=say("far_below", updates=UPDATES[-1]) if far else say("come_near"),
            gated=say.listed([say.number(row[-1] / row[0]) for row in gated.change]),
        ),
        choices=choices.either(
            say("change_asked", updates=UPDATES[-1], steps=T),
            say("much_farther"),
            say("not_much_farther"),
            far,
        ),
    )


def _outcome(say: Say, plain: Learned, chance: float) -> str:
    """How far the tanh network has come, by its last loss."""
    share = plain.loss[-1] / chance
    if share < 0.1:
        return say("learned")
    if share < 0.9:
        return say("learned_a_part")
    if plain.change[-1][-1] > plain.change[-1][0]:
        return say("little_better_loud" if share < 1 else "no_better_loud")
    return say("little_better" if share < 1 else "no_better")


def _panel(say: Say, cell: str, learned: Learned) -> Panel:
    steps = tuple(map(float, range(1, T + 1)))
    curves = [
        Curve(say("after", updates=updates), steps, tuple(np.log10(row).tolist()))
        for updates, row in zip(UPDATES, learned.change, strict=True)
    ]
    return Panel(say("tanh_network") if cell == "elman" else "LSTM", tuple(curves))

"""Chapter 3: why the far left of the unrolled network learns slower."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.lesson import choices, domino, training
from gradlab.lesson.parts import Chapter, Chart, Curve, Figure, Panel
from gradlab.lesson.words import number
from gradlab.report.words import listed
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


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    plain, gated = (numbers.learned[cell] for cell in CELLS)
    ratio = [row[-1] / row[0] for row in plain.change]
    paragraphs = (
        f"Now let the network learn. The task is to remember: the first three inputs are all +1 or all −1, "
        f"then comes noise, and at the last step, T = {T}, the network must say which it was. The clue lies "
        f"at "
        "the far left of the unrolled network, the error at the far right.",
        f"The weights are shared, so they move as one. But we can keep accounts. Give every time step its "
        f"own copy of the weights of a tanh network with {N} units (`w_rec` = {W_REC:g}), let all copies "
        f"stay equal, and write down for each step how much of the change came from *its* use of the "
        f"weights. One update is: new weights = old weights − {RATE:g} · gradient, and the gradient is the "
        f"sum over the steps of "
        "chapter 1.",
        "We look after "
        + listed([str(updates) for updates in UPDATES])
        + " updates. Beside it the same accounts of an "
        "LSTM, whose secret is kept for chapter 5.",
    )
    answer = (
        f"After {UPDATES[0]} updates the uses at step {T} have moved the tanh network's weights "
        f"{number(ratio[0])} times as far as those at step 1; after {UPDATES[1]} it is {number(ratio[1])} "
        f"times, after {UPDATES[2]} {number(ratio[2])} times. "
        + (
            f"After {UPDATES[-1]} updates the left end is still far below the right one. "
            if ratio[-1] > 10
            else "By then the left end has come near to the right one, or passed it. "
        )
        + f"In the LSTM the three ratios are "
        f"{listed([number(row[-1] / row[0]) for row in gated.change])}."
    )
    figure = Figure(
        "change",
        "How far the uses at each time step have moved the weights",
        f"{UPDATES[-1] // UPDATES[0]} times more updates: does the left end of the line catch up with the "
        f"right end?",
        Chart(
            "time step t", "weight change", tuple(_panel(c, numbers.learned[c]) for c in CELLS), powers=True
        ),
        answer,
        f"gradlab lesson 3 --seed {seed}",
        choices=choices.either(
            f"After {UPDATES[-1]} updates of the tanh network: the uses at step {T} have moved the weights",
            "more than ten times as far as those at step 1",
            "no more than ten times as far",
            ratio[-1] > 10,
        ),
    )
    after = [number(x) for x in plain.loss]
    closing = (
        f"The loss of the tanh network at these three points is {listed(after)}, where guessing costs ln 2 = "
        f"{number(numbers.chance)}; the LSTM's is {listed([number(x) for x in gated.loss])}. "
        + _outcome(plain, numbers.chance),
        "So *slow* is meant literally: the far left is not forbidden to learn. Its step is multiplied by the "
        "transport of chapter 2, and where that is small, so is the step.",
    )
    figures = (figure, training.figure(numbers.first, seed), domino.figure(numbers.stack, seed))
    return Chapter("Why the far left learns slower", paragraphs, figures, closing, MORE)


def _outcome(plain: Learned, chance: float) -> str:
    """How far the tanh network has come, by its last loss."""
    share = plain.loss[-1] / chance
    if share < 0.1:
        return "The tanh network has learned it in the end: a weak signal from the left is still a signal."
    if share < 0.9:
        return "The tanh network has learned a part of it: a weak signal from the left is still a signal."
    said = f"The tanh network does {'little' if share < 1 else 'no'} better than a guess"
    loud = "the uses at the last steps move it most, where there is noise and no clue"
    return f"{said}: {loud}." if plain.change[-1][-1] > plain.change[-1][0] else f"{said}."


def _panel(cell: str, learned: Learned) -> Panel:
    steps = tuple(map(float, range(1, T + 1)))
    curves = [
        Curve(f"after {updates} updates", steps, tuple(np.log10(row).tolist()))
        for updates, row in zip(UPDATES, learned.change, strict=True)
    ]
    return Panel("tanh network" if cell == "elman" else "LSTM", tuple(curves))

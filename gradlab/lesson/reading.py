"""Chapter 7: what the units of a briefly trained LSTM look at while they read."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.lesson.parts import Chapter, Figure, Strip, Table
from gradlab.lesson.words import number
from gradlab.studies.remedies import loop
from gradlab.studies.remedies.networks import Network, Setting, initialised
from gradlab.studies.sweep.networks import stream
from gradlab.types import Remedy

CELL, N, T, BATCH, RATE, UPDATES = "lstm", 24, 60, 16, 0.01, 500
READ, SHOWN, LEFT, RIGHT = 5000, 240, 0.1, 0.9
SIGNALS = ("inside brackets", "inside quotes", "inside a word")


class Follower(NamedTuple):
    """How well the memory follows one signal, on text that neither training nor the choice has seen."""

    unit: int
    """The one whose tanh(c) follows it best on the training text."""
    alone: float
    """The correlation of that unit with the signal."""
    together: float
    """The correlation of the best weighted sum of all units, the weights fitted on the training text."""


class Reader(NamedTuple):
    """One network reading a text that it was not trained on."""

    loss: float
    """Nats a character."""
    wrong: float
    found: dict[str, Follower]
    shut: dict[str, float]
    """By gate: the share of (unit, character) with the gate below LEFT."""
    open: dict[str, float]
    """Above RIGHT."""


class Numbers(NamedTuple):
    """Before and after training, and the trained network's memory along a passage."""

    before: Reader
    after: Reader
    chance: float
    passage: str
    memory: dict[str, tuple[float, ...]]
    """By signal: the weighted sum of all units, character by character; -1 stands for no, 1 for yes."""


def measure(seed: int) -> Numbers:
    """Train a small LSTM for seconds and look at its gates and memory on the unseen part of the text."""
    with jax.enable_x64(True):
        tasks = {part: registry.make("tasks", f"characters(part={part})") for part in ("train", "test")}
        cell = registry.make("cells", CELL)
        setting = Setting(tasks["train"], cell, Remedy(), T, N, BATCH, "adam", UPDATES)
        key = stream(seed, "lesson", chapter=7)
        texts = {part: _passage(task, READ) for part, task in tasks.items()}
        before = initialised(
            setting, registry.make("initializers", "orthogonal"), 1.0, RATE, key, jnp.float32
        )
        after = _training(setting)(before)
        readers = [_reader(setting, network, texts) for network in (before, after)]
        text = texts["test"][0]
        read = _read(setting)(after, *texts["test"][1:])
        sums = _sums(np.asarray(_read(setting)(after, *texts["train"][1:])[0]), signals(texts["train"][0]))
        rows = _units(np.asarray(read[0]))[:SHOWN]
    shown = {name: tuple(np.clip(2 * rows @ sums[name] - 1, -1, 1).tolist()) for name in SIGNALS}
    return Numbers(readers[0], readers[1], float(tasks["test"].chance(T)), text[:SHOWN], shown)


def _passage(task: Any, length: int) -> tuple[str, Any, Any]:
    """The first sentences of a part of the text, their places in the alphabet, and where each one begins."""
    text = "".join(task.alphabet[code] for code in task._codes[:length])
    first = int(np.flatnonzero(starts(text))[1])
    text = text[first:]
    codes = jnp.asarray([task.alphabet.index(letter) for letter in text])
    return text, codes, jnp.asarray(starts(text))


def starts(text: str) -> NDArray[np.bool_]:
    """Where a sentence begins that is in no brackets and in no quotes.

    >>> np.flatnonzero(starts('a. b "c. d." e')).tolist()
    [0, 3, 13]
    """
    found = signals(text)
    free = (found["inside brackets"] + found["inside quotes"]) == 0
    ends = [i == 0 or (text[i - 1] == " " and text[max(i - 2, 0)] in '."') for i in range(len(text))]
    found_there: NDArray[np.bool_] = np.asarray(ends) & free
    return found_there


@functools.cache
def _training(setting: Setting) -> Any:
    body = lambda _, network: loop.update(setting, network)[0]
    return jax.jit(lambda network: jax.lax.fori_loop(0, setting.eval_every, body, network))


@functools.cache
def _read(setting: Setting) -> Any:
    """`(network, codes, starts) -> (memory, gates, outputs)` of every character; a sentence starts afresh."""
    cell, letters = setting.cell, setting.task.sizes[0]

    def run(network: Network, codes: Any, starts: Any) -> Any:
        def body(state: Any, item: tuple[Any, Any]) -> tuple[Any, Any]:
            x, fresh = item
            state = jax.tree.map(lambda new, old: jnp.where(fresh, new, old), network.state, state)
            gates = cell.gate_values(network.weights.cell, state, x)
            state = cell.step(network.weights.cell, state, x)
            return state, (getattr(state, cell.memory), gates, cell.readout(state))

        xs = jax.nn.one_hot(codes, letters, dtype=network.weights.b_out.dtype)
        memory, gates, hidden = jax.lax.scan(body, network.state, (xs, starts))[1]
        return memory, gates, hidden @ network.weights.w_out.T + network.weights.b_out[None]

    return jax.jit(run)


def signals(text: str) -> dict[str, NDArray[np.float64]]:
    """What one could look at, character by character.

    >>> signals('a (b)')["inside brackets"].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0]
    """
    depth = np.cumsum([{"(": 1, ")": -1}.get(letter, 0) for letter in text])
    quotes = np.cumsum([letter == '"' for letter in text]) % 2
    found = (np.minimum(depth, 1), quotes, [letter.isalpha() for letter in text])
    return {name: np.asarray(values, np.float64) for name, values in zip(SIGNALS, found, strict=True)}


def _reader(setting: Setting, network: Any, texts: dict[str, tuple[str, Any, Any]]) -> Reader:
    """Choose the units on the training text; everything that is told is of the other."""
    read = {
        part: jax.tree.map(np.asarray, _read(setting)(network, *text[1:])) for part, text in texts.items()
    }
    rows = {part: _units(found[0]) for part, found in read.items()}
    wanted = {part: signals(text) for part, (text, *_) in texts.items()}
    sums = _sums(read["train"][0], wanted["train"])
    found = {}
    for name in SIGNALS:
        unit = int(np.abs(_correlations(rows["train"][:, :-1], wanted["train"][name])).argmax())
        alone = float(_correlations(rows["test"][:, [unit]], wanted["test"][name])[0])
        together = float(_correlations((rows["test"] @ sums[name])[:, None], wanted["test"][name])[0])
        found[name] = Follower(unit, alone, together)
    _, gates, outputs = read["test"]
    codes = np.asarray(texts["test"][1])
    odds = outputs[:-1] - outputs[:-1].max(axis=1, keepdims=True)
    odds = odds - np.log(np.exp(odds).sum(axis=1, keepdims=True))
    return Reader(
        float(-odds[np.arange(len(codes) - 1), codes[1:]].mean()),
        float((outputs[:-1].argmax(axis=1) != codes[1:]).mean()),
        found,
        {name: float((gates[name] < LEFT).mean()) for name in gates},
        {name: float((gates[name] > RIGHT).mean()) for name in gates},
    )


def _units(memory: NDArray[Any]) -> NDArray[np.float64]:
    """tanh(c) of every character and unit, and a column of ones."""
    return np.concatenate([np.tanh(memory.astype(np.float64)), np.ones((len(memory), 1))], axis=1)


def _sums(memory: NDArray[Any], wanted: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The weights of the best weighted sum for each signal, by least squares."""
    rows = _units(memory)
    found = {name: np.linalg.lstsq(rows, values, rcond=None)[0] for name, values in wanted.items()}
    return {name: weights.astype(np.float64) for name, weights in found.items()}


def _correlations(columns: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every column with a signal; 0 where one of them never changes."""
    columns, wanted = columns - columns.mean(axis=0), wanted - wanted.mean()
    size = np.linalg.norm(columns, axis=0) * np.linalg.norm(wanted)
    found: NDArray[np.float64] = wanted @ columns / np.where(size > 0, size, 1)
    return found


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    before, after = numbers.before, numbers.after
    paragraphs = (
        "What does a memory remember? We let an LSTM read a text made by a small grammar, with nested "
        "brackets and "
        f"quoted speech, and predict every next character. It has {N} units and {UPDATES} updates of {BATCH} "
        f"passages of {T} characters: seconds of training, not more. Each sentence "
        "starts from an empty memory. On text it has not seen, its loss goes from "
        f"{number(before.loss)} to {number(after.loss)} nats a character; knowing only how often each "
        f"character occurs costs {number(numbers.chance)}. {number(100 * after.wrong)} % of its guesses are "
        f"still wrong.",
        "Then we look inside. For each character we write down how open every gate is and what tanh(c) of "
        "every unit is. A unit *follows* a signal, such as being inside brackets, if the two go up and down "
        "together: their correlation is then near 1 or −1, and 0 if they have nothing to do with each other. "
        "Knowledge may also be spread over many units; so we ask a weighted sum of all of them, too.",
        f"With {N} units one will look like a follower by luck. So the unit and the weights are chosen on "
        f"the text "
        "of the training, and the correlations are measured on other text. The same is done with the network "
        "before training, which is a reservoir as in chapter 5.",
    )
    best = max(SIGNALS, key=lambda s: abs(after.found[s].together))
    pairs = "; ".join(
        f"{s}: best unit {number(after.found[s].alone, 2)}, all units {number(after.found[s].together, 2)}, "
        f"before training {number(before.found[s].alone, 2)} and {number(before.found[s].together, 2)}"
        for s in SIGNALS
    )
    strip = Strip(numbers.passage, tuple((s, numbers.memory[s]) for s in SIGNALS))
    memory = Figure(
        "memory",
        f"What the memory says of each signal along {SHOWN} unseen characters, from no (blue, low) to yes "
        f"(red, high)",
        f"{UPDATES} updates are few. Does the memory know of the brackets, of the quotes, or only of the "
        f"word at hand?",
        strip,
        f"Correlation on unseen text, {pairs}. Best known is *{best}*. " + _gained(before, after),
        f"gradlab lesson 7 --seed {seed}",
    )
    closing = (
        "This was a network trained for seconds. A memory that follows brackets over long passages needs "
        "longer training and more units; a correlation says that a unit carries a signal, not that the "
        "network uses it.",
    )
    more = ("gradlab remedies characters --remedy lstm,gru -T 40 --quick",)
    return Chapter("What the cells look at", paragraphs, (memory, _gates(before, after, seed)), closing, more)


def _gained(before: Reader, after: Reader) -> str:
    gains = {s: abs(after.found[s].together) - abs(before.found[s].together) for s in SIGNALS}
    most = max(SIGNALS, key=lambda s: gains[s])
    if gains[most] > 0.05:
        return f"Training has added most to *{most}*, {number(gains[most], 2)}."
    if gains[most] > -0.05:
        return (
            "Training has added little to any of them: what was just read lingers in an untrained memory as "
            "well, and a readout finds it there."
        )
    return (
        "The untrained memory even knows more of each of them. It keeps whatever was just read, as a "
        "reservoir does; the trained one keeps what its next guess needs, in a form that a plain sum does "
        "not always show."
    )


def _gates(before: Reader, after: Reader, seed: int) -> Figure:
    names = {"i": "input gate", "f": "forget gate", "o": "output gate"}
    rows = tuple(
        (
            text,
            *(
                number(100 * share[gate])
                for reader in (before, after)
                for share in (reader.shut, reader.open)
            ),
        )
        for gate, text in names.items()
    )
    moved = max(names, key=lambda gate: after.open[gate] + after.shut[gate])
    return Figure(
        "gates",
        f"How often a gate is shut (below {LEFT:g}) and open (above {RIGHT:g}), in % of all units and "
        f"characters",
        "An untrained gate hovers half-open. Which gate does training push to its ends most often?",
        Table(("gate", "shut before", "open before", "shut after", "open after"), rows),
        f"The {names[moved]}: after training it is at one of its ends "
        f"{number(100 * (after.open[moved] + after.shut[moved]))} % of the time, before it was "
        f"{number(100 * (before.open[moved] + before.shut[moved]))} %. The forget gate is wide open "
        f"{number(100 * after.open['f'])} % of the time: there the memory is carried on, and the error with "
        f"it.",
        f"gradlab lesson 7 --seed {seed}",
    )

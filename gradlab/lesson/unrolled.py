"""Chapter 1: the network unrolled in time, and the three ways to feed and to judge it."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.lesson import choices
from gradlab.lesson.measured import quick
from gradlab.lesson.parts import Chain, Chains, Chapter, Figure, Form, Link, Unrolled
from gradlab.lesson.words import number
from gradlab.recurrence import objectives
from gradlab.recurrence.backward import backpropagate
from gradlab.recurrence.scaled import log10_norm, norms
from gradlab.report.words import listed
from gradlab.studies.sweep.networks import stream
from gradlab.types import Objective, ProbeContext, Scaled

N, T, W_REC = 4, 6, 0.9
CELL = "elman"
FORMS: tuple[tuple[str, objectives.ObjectiveName], ...] = (
    ("many to one", "last"),
    ("many to many", "every"),
    ("one to many", "every"),
)

READ = ("The", "boy\ngirl", "from", "our", "street", "looks", "tired")
WRITTEN = ("Il\nLa", "ragazzo\nragazza", "della", "nostra", "strada", "sembra", "stanco\nstanca")
"""A sentence and its translation; where a word depends on one choice, both forms of it."""


class Way(NamedTuple):
    """One form of the unrolled network, measured."""

    title: str
    adjoint: tuple[float, ...]
    """|dL/dh_t| at t = 1..T."""
    parts: tuple[float, ...]
    """The norm of what step t adds to dL/dW, t = 1..T."""
    whole: float
    """|dL/dW|: of the parts added up."""
    check: float
    """The largest difference from plain automatic differentiation, relative to the largest entry."""


class Numbers(NamedTuple):
    """The three forms of one network."""

    ways: tuple[Way, ...]


def measure(seed: int) -> Numbers:
    """One small network in the three forms: adjoints, and what each step adds to dL/dW."""
    with jax.enable_x64(True):
        cell, initializer = registry.make("cells", CELL), registry.make("initializers", "orthogonal")
        params, state = cell.init(stream(seed, "lesson", chapter=1, draw="weights"), 1, N, W_REC, initializer)
        xs = jax.random.normal(stream(seed, "lesson", chapter=1, draw="inputs"), (T, 1), float)
        key = stream(seed, "lesson", chapter=1, draw="target")
        ways = []
        for title, name in FORMS:
            fed = xs.at[1:].set(0.0) if title == "one to many" else xs
            target = objectives.draw_target(name, key, state, cell.readout)
            ways.append(_way(cell, title, name, (params, state, fed, target)))
    return Numbers(tuple(ways))


def _way(cell: Any, title: str, name: objectives.ObjectiveName, given: tuple[Any, ...]) -> Way:
    observed, passed = _sent_back(cell, name)(*given)
    adjoint = 10 ** log10_norm(observed)[T - 1 :: -1, 0]
    parts = np.ldexp(np.asarray(passed.value), np.asarray(passed.exponent)[:, None, None])[::-1]
    whole, plain = parts.sum(axis=0), np.asarray(_plain(cell, name)(*given))
    return Way(
        title,
        tuple(adjoint[:T].tolist()),
        tuple(np.linalg.norm(parts, axis=(1, 2)).tolist()),
        float(np.linalg.norm(whole)),
        float(np.abs(whole - plain).max() / np.abs(plain).max()),
    )


@functools.cache
def _sent_back(cell: Any, name: objectives.ObjectiveName) -> Any:
    """The backward pass of all probes: norms of the adjoints, and the parts of dL/dW, by lag."""

    def run(params: Any, state: Any, xs: Any, target: Any) -> Any:
        objective: Objective = objectives.objective(name, target, cell.readout)
        weights = lambda of_params, exponent: Scaled(cell.recurrent(of_params()), exponent)
        setup = ProbeContext(objective, cell.recurrent, T)
        return backpropagate(cell.step, params, state, xs, setup, norms, weights)[:2]

    return quick(run)


@functools.cache
def _plain(cell: Any, name: objectives.ObjectiveName) -> Any:
    """dL/dW by automatic differentiation of the loss as it is written down."""

    def loss(params: Any, state: Any, xs: Any, target: Any) -> Any:
        total = jnp.zeros((), float)
        for t in range(T):
            state = cell.step(params, state, xs[t])
            if name == "every" or t == T - 1:
                total = total + jnp.sum((cell.readout(state) - target) ** 2) / 2
        return total

    return quick(lambda *given: cell.recurrent(jax.grad(loss)(*given)))


def _changed(adjoint: tuple[float, ...]) -> str:
    """What becomes of the error between the last step and the first."""
    first, last = adjoint[0], adjoint[-1]
    if last > first:
        return f"come down by a factor of {number(last / first)}"
    return f"grown by a factor of {number(first / last)}"


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    ways = {way.title: way for way in numbers.ways}
    last, many, one = (ways[title] for title, _ in FORMS)
    forms = (
        Form(many.title, (True,) * T, (True,) * T, many.adjoint),
        Form(last.title, (True,) * T, (False,) * (T - 1) + (True,), last.adjoint),
        Form(one.title, (True,) + (False,) * (T - 1), (True,) * T, one.adjoint),
    )
    largest = max(last.parts)
    least = min(numbers.ways, key=lambda way: way.adjoint[0]).title.replace(" ", "-")
    paragraphs = (
        f"A recurrent network has one small program and runs it again at every step t = 1, 2, ..., T. The "
        f"program takes the state h_{{t−1}}, a list of {N} numbers here, and the input x_{{t}}, and returns "
        f"the "
        "next state: $h_{t} = tanh(W h_{t−1} + U x_{t} + b)$. W is the recurrent matrix, U the input matrix, "
        "b the bias. They are the same at every step.",
        f"To see what learning does, draw the program {T} times side by side. The loop becomes a deep "
        f"network "
        "with one layer per step, and all its layers share W. This is the network *unrolled in time*. The "
        "loss L compares states with targets. *Many to one* judges the last step only (one verdict on a "
        "sentence), *many to many* judges every step (a word for each word), and *one to many* gets an input "
        "at the first step only and is judged at every step (a caption for a picture).",
        "Learning needs dL/dW. As W is used once a step, the gradient is a sum with one part per step: "
        "$dL/dW = Σ_{t}$ (part of step t). Part t is made of two things: the state that W was given, and the "
        "*adjoint* $dL/dh_{t}$, the error as step t hears it. A step that hears nothing adds nothing.",
    )
    answer = (
        f"In the {least} network. Step 1 hears |dL/dh_{{1}}| = {number(many.adjoint[0])} in the "
        f"many-to-many network, "
        f"{number(one.adjoint[0])} in the one-to-many and {number(last.adjoint[0])} in the many-to-one "
        f"network, against {listed([number(way.adjoint[-1]) for way in (many, one, last)])} at step {T}. "
        f"With a single term at the end the error has {_changed(last.adjoint)} over {T - 1} steps. "
        "Terms on the way add what never came from the end, and so hide it: a large adjoint at step 1 may "
        "come from step 1 itself."
    )
    title = "Three forms of one network; the fuller the circle, the more error arrives"
    question = "In which of the three networks does step 1 hear least of the error?"
    figure = Figure("forms", title, question, Unrolled(forms), answer, f"gradlab lesson 1 --seed {seed}")
    heard = {way.title: way.adjoint[0] for way in (last, many, one)}
    figure = figure._replace(choices=choices.least(question, heard))
    closing = (
        f"In the many-to-one network the {T} parts have the norms {listed([number(p) for p in last.parts])}; "
        f"the "
        "first is 0 because W is given the empty state h_{0} = 0 there. Their sum has the norm "
        f"{number(last.whole)}; the largest part alone has {number(largest)}. Added up they agree with plain "
        f"automatic differentiation of the unrolled network to "
        f"{number(max(w.check for w in numbers.ways), 1)} of "
        "the largest entry: unrolling is no approximation.",
    )
    return Chapter(
        "The network unrolled in time", paragraphs, (_folding(seed), figure, _translation(seed)), closing
    )


def _folding(seed: int) -> Figure:
    """From the loop to the row of copies, step by step."""

    def row(title: str, copies: int) -> Chain:
        links = tuple(Link(f"x{t}", f"h{t}") for t in range(1, copies + 1))
        whole = copies == T
        return Chain(title, links if whole else (*links, Link("x", "h")), loop=not whole)

    rows = (
        row("folded: one state that feeds itself", 0),
        row("step 1 drawn beside the loop", 1),
        row("step 2 as well", 2),
        row(f"unrolled: all {T} steps, no loop is left", T),
    )
    return Figure(
        "folding",
        "The same network, folded, half unrolled, unrolled: each copy is the state one step later",
        f"The loop is drawn out copy by copy. How many recurrent matrices does the row of {T} copies have?",
        Chains(rows),
        "One. Every W in the drawing is the same matrix; a copy is the same program at a later step, and "
        "nothing but the drawing has changed. What has gone is the loop: the row runs one way, so the chain "
        "rule can be applied to it from right to left, as in any deep network. Read from the last row to the "
        "first, the drawing folds it up again.",
        f"gradlab lesson 1 --seed {seed}",
        # All copies are drawn from one set of parameters.
        choices=choices.count("How many different matrices W are there?", 1, (T - 1, T)),
    )


def _translation(seed: int) -> Figure:
    """Many to many with all input before all output: what has to be kept in between."""
    chosen = next(k for k, word in enumerate(READ, start=1) if "\n" in word)
    moved = [k for k, word in enumerate(WRITTEN, start=1 + len(READ)) if "\n" in word]
    pairs = [WRITTEN[k - 1 - len(READ)].split("\n") for k in moved]
    read = tuple(Link(word, "", held=k >= chosen) for k, word in enumerate(READ, start=1))
    written = tuple(
        Link("", word, held=k <= moved[-1]) for k, word in enumerate(WRITTEN, start=1 + len(READ))
    )
    gap = moved[-1] - chosen
    return Figure(
        "translation",
        "Many to many as translation: all is read before anything is written; filled states have to hold "
        "whether it was a boy or a girl",
        "Change *boy* to *girl* in the English sentence. Which words of the Italian one must change, and "
        "how many steps after *boy* was read is the last of them written?",
        Chains(
            (
                Chain(f"steps 1 to {len(READ)}: read", read),
                Chain(f"steps {len(READ) + 1} to {len(READ) + len(WRITTEN)}: write", written),
            ),
            onward=True,
        ),
        f"{len(pairs)} words: {listed([f'*{a}* becomes *{b}*' for a, b in pairs])}. *Boy* is read at step "
        f"{chosen} and the last of them is written at step {moved[-1]}, {gap} steps later; no word between "
        "says it again to the network while it reads. Word for word will not do: one word changed, "
        f"{len(pairs)} have to, at places of their own. So the state has to keep the gender all that time. "
        f"To learn that it should, the network needs the error of step {moved[-1]} at step {chosen}, and "
        "that is the transport of chapter 2.",
        f"gradlab lesson 1 --seed {seed}",
        choices=choices.count(
            "How many steps after *boy* is the last word written that depends on it?",
            gap,
            (len(pairs), len(READ), len(READ) + len(WRITTEN)),
        ),
    )

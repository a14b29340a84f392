"""Chapter 1: the network unrolled in time, and the three ways to feed and to judge it."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.lesson import choices
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.measured import quick
from gradlab.lesson.parts import Chain, Chains, Chapter, Figure, Form, Link, Unrolled
from gradlab.recurrence import objectives
from gradlab.recurrence.backward import backpropagate
from gradlab.recurrence.scaled import log10_norm, norms
from gradlab.studies.sweep.networks import stream
from gradlab.types import Objective, ProbeContext, Scaled

N, T, W_REC = 4, 6, 0.9
CELL = "elman"
FORMS: tuple[tuple[str, objectives.ObjectiveName], ...] = (
    ("many to one", "last"),
    ("many to many", "every"),
    ("one to many", "every"),
)


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


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("unrolled")
    last = next(way for way in numbers.ways if way.title == FORMS[0][0])
    paragraphs = (say("program", units=N), say("unrolled", steps=T), say("sum"))
    closing = say(
        "closing",
        steps=T,
        parts=say.listed([say.number(part) for part in last.parts]),
        whole=last.whole,
        largest=max(last.parts),
        check=say.number(max(way.check for way in numbers.ways), 1),
    )
    figures = (_folding(say), _forms(say, numbers), _translation(say))
    return Chapter(say("title"), paragraphs, figures, (closing,))


def _forms(say: Say, numbers: Numbers) -> Figure:
    """The three forms, the fuller the circle, the more error arrives."""
    ways = {way.title: way for way in numbers.ways}
    last, many, one = (ways[title] for title, _ in FORMS)
    forms = (
        Form(say("many_to_many"), (True,) * T, (True,) * T, many.adjoint),
        Form(say("many_to_one"), (True,) * T, (False,) * (T - 1) + (True,), last.adjoint),
        Form(say("one_to_many"), (True,) + (False,) * (T - 1), (True,) * T, one.adjoint),
    )
    least = min(numbers.ways, key=lambda way: way.adjoint[0]).title.replace(" ", "_")
    answer = say(
        "forms_answer",
        least=say(f"least_{least}"),
        many=many.adjoint[0],
        one=one.adjoint[0],
        last=last.adjoint[0],
        ends=say.listed([say.number(way.adjoint[-1]) for way in (many, one, last)]),
        steps=T,
        changed=_changed(say, last.adjoint),
    )
    question = say("forms_question")
    heard = {say(way.title.replace(" ", "_")): way.adjoint[0] for way in (last, many, one)}
    return Figure(
        "forms",
        say("forms_title"),
        question,
        Unrolled(forms),
        answer,
        choices=choices.least(question, heard),
    )


def _changed(say: Say, adjoint: tuple[float, ...]) -> str:
    """What becomes of the error between the last step and the first."""
    first, last = adjoint[0], adjoint[-1]
    if last > first:
        return say("come_down", factor=last / first, steps=T - 1)
    return say("grown", factor=first / last, steps=T - 1)


def _folding(say: Say) -> Figure:
    """From the loop to the row of copies, step by step."""

    def row(title: str, copies: int) -> Chain:
        links = tuple(Link(f"x{t}", f"h{t}") for t in range(1, copies + 1))
        whole = copies == T
        return Chain(title, links if whole else (*links, Link("x", "h")), loop=not whole)

    rows = (
        row(say("folded"), 0),
        row(say("step_1_drawn"), 1),
        row(say("step_2_drawn"), 2),
        row(say("all_drawn", steps=T), T),
    )
    return Figure(
        "folding",
        say("folding_title"),
        say("folding_question", steps=T),
        Chains(rows),
        say("folding_answer"),
        # All copies are drawn from one set of parameters.
        choices=choices.count(say("folding_asked"), 1, (T - 1, T)),
    )


def _translation(say: Say) -> Figure:
    """Many to many with all input before all output: what has to be kept in between."""
    source, target = (say.in_forms(f"{side}_one", f"{side}_other") for side in ("source", "target"))
    first, end = len(source) + 1, len(source) + len(target)
    chosen = next(k for k, forms in enumerate(source, start=1) if len(forms) > 1)
    pairs = {k: forms for k, forms in enumerate(target, start=first) if len(forms) > 1}
    last = max(pairs)
    read = tuple(Link("\n".join(forms), "", held=k >= chosen) for k, forms in enumerate(source, start=1))
    written = tuple(Link("", "\n".join(forms), held=k <= last) for k, forms in enumerate(target, start=first))
    return Figure(
        "translation",
        say("translation_title"),
        say("translation_question"),
        Chains(
            (
                Chain(say("read", last=len(source)), read),
                Chain(say("write", first=first, last=end), written),
            ),
            onward=True,
        ),
        say(
            "translation_answer",
            changes=say.listed([say("becomes", before=a, after=b) for a, b in pairs.values()]),
            many=len(pairs),
            read=chosen,
            written=last,
            gap=last - chosen,
        ),
        choices=choices.count(say("translation_asked"), last - chosen, (len(pairs), len(source), end)),
    )

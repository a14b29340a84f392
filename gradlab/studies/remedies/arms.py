"""Arms of a comparison: from `clip_norm(1.0)+orthogonal` to a cell, an initialiser and one remedy."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from gradlab import registry, spelled, tried
from gradlab.errors import GradlabError, shown
from gradlab.studies.remedies.settings import NONE
from gradlab.types import Initializer, Remedy, Step, Trajectory

OPTION = "--remedy"
TRAINING = ("gradients", "adjoint", "penalty", "project", "step")
"""Places of a remedy that act while a network is trained."""
FIRST = ("cell", "init", "")
"""What replaces the cell, then the initialisation, then the rest."""
SHORT = {"init": ("start", "initializers"), "cell": ("cell", "cells")}
"""Remedies that go by the value of a setting alone: the setting, and what kind of member it names."""


class Arm(NamedTuple):
    """One row of the remedy table."""

    label: str
    cell: Any
    initializer: Initializer
    remedy: Remedy
    """Only what acts while training: the cell and the initialisation are replaced already."""
    closed_form: bool
    """Nothing but the readout is trained, so it is fitted by ridge regression instead."""


def arm(text: str, cell: str, initializer: str) -> Arm:
    """The arm that a text names, applied to the given cell and initialiser.

    Parts are joined by `+`: remedies, or for short the name of an initialiser or of a cell. Changes of the
    gradient chain in the order given; whatever replaces the cell or the initialisation comes before whatever
    changes it.
    """
    # Brackets hold the + of numbers such as 1e+3.
    parts = spelled.outside_brackets(text, "+")
    if not all(parts):
        raise GradlabError(OPTION, f"{shown(text)} has an empty part; write remedy+remedy")
    if parts == [NONE]:
        parts = []
    elif NONE in parts:
        raise GradlabError(OPTION, f"{shown(text)}: none cannot be combined; it is always an arm")
    made = [(part, _remedy(part)) for part in parts]
    _no_double(text, made)
    chosen, begin = registry.make("cells", cell), registry.make("initializers", initializer)
    for part, remedy in sorted(made, key=lambda pair: FIRST.index(pair[1].replaces)):
        try:
            chosen = remedy.cell(chosen) if remedy.cell is not None else chosen
        except ValueError as error:
            raise GradlabError(OPTION, f"{part} {error}; {registry.spelling(chosen)} is not one") from error
        begin = remedy.init(begin) if remedy.init is not None else begin
    acting = _together([remedy for _, remedy in made])
    closed = _untrained(chosen)
    if closed:
        for part, remedy in made:
            if any(getattr(remedy, place) is not None for place in TRAINING):
                what = "trains its readout in closed form, without a gradient; take one of them away"
                raise GradlabError(OPTION, f"{part} cannot act on {registry.spelling(chosen)}, which {what}")
    label = "+".join(_label(part) for part in parts) or NONE
    return Arm(label, chosen, begin, acting, closed)


def _remedy(part: str) -> Remedy:
    return _factory(_full(part))


@functools.cache
def _factory(spec: str) -> Remedy:
    try:
        remedy: Remedy = registry.make("remedies", spec)()
    except ValueError as error:
        raise GradlabError(OPTION, f"{shown(spec)} is not possible; {error}") from error
    return remedy


def _full(part: str) -> str:
    """A part as a remedy: initialisers and cells that are named alone are short for `init` and `cell`."""
    name = part.split("(")[0].strip()
    if name in registry.names("remedies"):
        return part
    for remedy, (setting, kind) in SHORT.items():
        if name in registry.names(kind):
            return f"{remedy}({setting}={part})"
    known = {*registry.names("remedies"), *registry.names("initializers"), *registry.names("cells")}
    raise spelled.unknown(OPTION, "remedy", name, known)


def _label(part: str) -> str:
    """The canonical spelling of a part; `init(orthogonal)` goes by its short form where that is clear."""
    name = _full(part).partition("(")[0].strip()
    if name not in SHORT:
        return registry.label("remedies", part)
    setting, kind = SHORT[name]
    made = registry.make("remedies", _full(part))
    chosen = made.keywords.get(setting, registry.settings(made.func)[setting].default)
    short = registry.label(kind, chosen)
    whole = f"{name}({setting}={short})"
    return short if _full(short) == whole else whole


def _no_double(text: str, made: list[tuple[str, Remedy]]) -> None:
    for what, name in (("cell", "the cell"), ("init", "the initialisation")):
        both = [part for part, remedy in made if remedy.replaces == what]
        if len(both) > 1:
            raise GradlabError(
                OPTION, f"{shown(text)}: {both[0]} and {both[1]} both replace {name}; keep one"
            )


def _together(remedies: list[Remedy]) -> Remedy:
    """What several remedies do while training."""
    gradients = [remedy.gradients for remedy in remedies if remedy.gradients is not None]
    penalties = [remedy.penalty for remedy in remedies if remedy.penalty is not None]
    adjoints = [remedy.adjoint for remedy in remedies if remedy.adjoint is not None]
    projections = [remedy.project for remedy in remedies if remedy.project is not None]
    steps = [remedy.step for remedy in remedies if remedy.step is not None]
    return Remedy(
        gradients=optax.chain(*gradients) if gradients else None,
        penalty=_sum(penalties) if penalties else None,
        adjoint=_one_after_another(adjoints) if adjoints else None,
        project=_projected(projections) if projections else None,
        step=_stepped(steps) if steps else None,
    )


def _projected(projections: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    return lambda params: functools.reduce(lambda params, project: project(params), projections, params)


def _stepped(changes: list[Callable[[Step, Any, Any], Step]]) -> Callable[[Step, Any, Any], Step]:
    def change(step: Step, key: Any, t: Any) -> Step:
        for i, one in enumerate(changes):
            step = one(step, jax.random.fold_in(key, i), t)
        return step

    return change


def _sum(penalties: list[Callable[[Trajectory], Any]]) -> Callable[[Trajectory], Any]:
    return lambda trail: sum(penalty(trail) for penalty in penalties)


def _one_after_another(changes: list[Callable[[Any, Any], Any]]) -> Callable[[Any, Any], Any]:
    def change(lag: Any, sent: Any) -> Any:
        for one in changes:
            sent = one(lag, sent)
        return sent

    return change


def _untrained(cell: Any) -> bool:
    """Whether the cell says that none of its parameters is trained."""
    zero = lambda key, n: jax.numpy.zeros((n, n))
    params, _ = jax.eval_shape(lambda key: cell.init(key, *tried.sizes(), 1.0, zero), jax.random.key(0))
    paths = jax.tree_util.tree_leaves_with_path(params)
    return all(getattr(path[-1], "name", None) in cell.fixed for path, _ in paths)


def count(cell: Any, sizes: tuple[int, int], hidden: int) -> int:
    """Numbers in the cell and its readout, for a task of `sizes`."""
    d_in, d_out = sizes
    zero = lambda key, n: jax.numpy.zeros((n, n))
    params, _ = jax.eval_shape(lambda key: cell.init(key, d_in, hidden, 1.0, zero), jax.random.key(0))
    numbers: int = sum(leaf.size for leaf in jax.tree.leaves(params))
    return numbers + d_out * (hidden + 1)


def matched(cell: Any, sizes: tuple[int, int], numbers: int) -> int:
    """The N whose cell and readout come nearest to so many numbers."""
    low, high = 1, 2
    while count(cell, sizes, high) < numbers:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(cell, sizes, middle) < numbers else (low, middle)
    return min((low, high), key=lambda n: abs(count(cell, sizes, n) - numbers))

"""Arms of a comparison: from `clip_norm(1.0)+orthogonal` to a cell, an initialiser and one remedy."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax

from gradlab import registry, spelled, tried
from gradlab.errors import GradlabError, shown
from gradlab.studies.remedies.acting import TRAINING, Numbers, Unnumbered, apart, together
from gradlab.studies.remedies.settings import NONE
from gradlab.types import Initializer, Remedy

OPTION = "--remedy"
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
    unnumbered: Unnumbered
    """The remedy with its numbers left out, and these: arms that differ in them alone share a program."""
    numbers: Numbers


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
    acting = [registry.make("remedies", _full(part)) for part, remedy in made if _trains(remedy)]
    unnumbered, numbers = apart(acting)
    closed = _untrained(chosen)
    if closed:
        for part, remedy in made:
            if _trains(remedy):
                what = "trains its readout in closed form, without a gradient; take one of them away"
                raise GradlabError(OPTION, f"{part} cannot act on {registry.spelling(chosen)}, which {what}")
    label = "+".join(_label(part) for part in parts) or NONE
    whole = together([remedy for _, remedy in made])
    return Arm(label, chosen, begin, whole, closed, unnumbered, numbers)


def _trains(remedy: Remedy) -> bool:
    """Whether it acts while a network is trained."""
    return any(getattr(remedy, place) is not None for place in TRAINING)


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


def _untrained(cell: Any) -> bool:
    """Whether the cell says that none of its parameters is trained."""
    zero = lambda key, n: jax.numpy.zeros((n, n))
    params, _ = jax.eval_shape(lambda key: cell.init(key, *tried.sizes(), 1.0, zero), jax.random.key(0))
    paths = jax.tree_util.tree_leaves_with_path(params)
    return all(getattr(path[-1], "name", None) in cell.fixed for path, _ in paths)


def undrawn(cell: Any) -> Any:
    """The cell with what `init` alone reads at its defaults: arms with equal ones share their programs."""
    if not cell.drawn:
        return cell
    first = {field.name: field.default for field in dataclasses.fields(cell)}
    return dataclasses.replace(cell, **{name: first[name] for name in cell.drawn})


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

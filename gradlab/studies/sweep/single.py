"""One network on one sequence, measured as a sweep measures many."""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import digests
from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.trees import split
from gradlab.recurrence.zeros import Zeros, structural_zeros, told_apart
from gradlab.states import (
    EXACT_ZERO,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep.arrays import at_rest, collect, collect_gradient, puzzling
from gradlab.studies.sweep.program import (
    GRADIENT,
    GRADIENT_AXES,
    NONFINITE,
    PROBES,
    SHIFT,
    Measured,
    measure_one,
    state_parts,
)
from gradlab.types import Objective, ProbeContext

Tree = Any
_KEPT: dict[str, Any] = {}
"""The latest compiled programs, by the digests of their text."""
_KEEP = 16
_SHARED: ContextVar[dict[Hashable, Any] | None] = ContextVar("shared", default=None)
"""Of the network that all is of: what is the same for all its sequences."""

Columns = dict[str, tuple[NDArray[Any], NDArray[Any]]]
"""Of each column with an axis of lags its values and states."""
Extras = dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]
"""Of each column without an axis of lags its own axes, values and states."""


class Alone(NamedTuple):
    """One network as a sweep of one: the first fields of its `CellResult`."""

    parts: tuple[str, ...]
    linear: bool
    columns: dict[str, tuple[NDArray[Any], NDArray[Any]]]
    nonfinite: NDArray[Any]
    extras: dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]


def measured_alone(
    cell: Any,
    params: Tree,
    state: Tree,
    xs: Any,
    *,
    recurrent: Callable[[Any], Any] | None,
    objective: Callable[[Tree], Objective],
    targets: Tree,
    linear: bool,
    fixed: Hashable = None,
) -> Alone:
    """All that a sweep measures of every network, of one network on one sequence.

    The network is as `given.network` leaves it: arrays of real numbers. Arrays that come back have the axes
    (init, w_rec, T, seed) of a sweep, each of size 1. `objective` is that of `targets`, which are arrays: the
    program takes them, and is the same for others; `fixed` is what the objective holds of them beyond that.
    `linear` says that no Jacobian looks at the state.
    """
    length = len(jax.tree.leaves(xs)[0])

    def probes(params: Tree, state: Tree, xs: Any, targets: Tree) -> Measured:
        setup = ProbeContext(objective(targets), recurrent, length)
        columns: dict[str, Any] = {}
        for probe in PROBES:
            columns |= measure_one(cell.step, params, state, xs, setup, probe)
        last = (columns.pop(name, None) for name in (SHIFT, GRADIENT))
        return Measured(columns, columns.pop(NONFINITE), *last)

    def zeros(params: Tree, state: Tree, xs: Any, targets: Tree) -> Zeros:
        setup = ProbeContext(objective(targets), recurrent, length)
        return structural_zeros(cell.step, params, state, xs, setup)

    found = compiled(probes, params, state, xs, targets, of=fixed)
    nonfinite = np.asarray(found.nonfinite)[None, None]
    columns = of_sequence(found.columns, found.nonfinite, linear, length, length)
    still = np.stack([at_rest(np.asarray(leaf)[None]) for leaf in jax.tree.leaves(split(state)[0])]).all(
        axis=0
    )
    extras = _scalars(found, nonfinite, linear)
    unclear = any(puzzling(name, code[0, 0, 0], still, length).any() for name, (_, code) in columns.items())
    if unclear or any((code == EXACT_ZERO).any() for _, _, code in extras.values()):
        explained = compiled(zeros, params, state, xs, targets, of=fixed)
        columns = zeros_of_sequence(columns, explained)
        if GRADIENT in extras:
            code = told_apart(extras[GRADIENT][2], np.asarray(explained.gradient)[None, None, None, None])
            extras |= {name: (*extras[name][:2], code) for name in GRADIENT_AXES}
    nothing = np.full((1, 1, 1, 1, length + 1), np.nan)
    columns.setdefault("weight_gradient", (nothing, np.full(nothing.shape, UNDEFINED, np.int8)))
    return Alone(state_parts(state), linear, columns, nonfinite.reshape(1, 1, 1, 1), extras)


def of_sequence(columns: dict[str, Norm], nonfinite: Any, linear: bool, length: int, longest: int) -> Columns:
    """The columns of one sequence of `length` steps, as values and states (1, 1, 1, 1, lag, ...).

    They have a place for each lag of a sequence of the `longest` length; beyond its own it is undefined.
    """
    found = {}
    for name, column in columns.items():
        alone = jax.tree.map(lambda leaf: np.asarray(leaf)[None, None], column)
        capacity = alone.square.shape[2]
        # The weight gradient has no lag at the initial state, where no step was taken.
        last = length if capacity > longest else length - 1
        values, states = collect(alone, np.asarray(nonfinite)[None, None], linear, last, capacity)
        short = ((0, 0), (0, longest + 1 - capacity), *(((0, 0),) * (values.ndim - 2)))
        values = np.pad(values, short, constant_values=np.nan)
        states = np.pad(states, short, constant_values=UNDEFINED)
        found[name] = (values[None, None, None], states[None, None, None])
    return found


@contextlib.contextmanager
def of_one_network(shared: dict[Hashable, Any] | None = None) -> Iterator[None]:
    """Within, all is measured of one network at one moment, loss and readout: only sequences differ.

    What does not depend on them is traced once. With a `shared` of their own several such blocks are one.
    """
    token = _SHARED.set({} if shared is None else shared)
    try:
        yield
    finally:
        _SHARED.reset(token)


@contextlib.contextmanager
def of_part(name: str) -> Iterator[None]:
    """Within, all is of one recurrence of the network, a layer or a direction, with its own step."""
    token = _SHARED.set(None if _SHARED.get() is None else once(("part", name), dict))
    try:
        yield
    finally:
        _SHARED.reset(token)


def once(what: Hashable, make: Callable[[], Any]) -> Any:
    """What `make` returns; `of_one_network` it is called for the first of its sequences alone."""
    shared = _SHARED.get()
    if shared is None:
        return make()
    if what not in shared:
        shared[what] = make()
    return shared[what]


def signature(tree: Tree) -> Hashable:
    """All of a tree but its numbers."""
    leaves, structure = jax.tree.flatten(tree)
    kinds = [
        (getattr(leaf, "shape", ()), getattr(leaf, "dtype", type(leaf)), _is_weak(leaf)) for leaf in leaves
    ]
    return structure, tuple(kinds)


def compiled(function: Callable[..., Any], *given: Tree, of: Hashable = None) -> Any:
    """What a function of arrays returns; what one of the last calls has compiled is not compiled again.

    It is traced each time: what somebody's step reads from outside of its arguments may have changed since.
    Only `of_one_network` a function of the same name and the same `of` is the same one.
    """
    leaves, structure = jax.tree.flatten(given)
    key = (function.__module__, function.__qualname__, of, signature(given))
    program, after = once(key, lambda: _compiled(function, leaves, structure))
    return jax.tree.unflatten(after, program(*leaves))


def _is_weak(leaf: Any) -> bool:
    return bool(getattr(leaf, "weak_type", not hasattr(leaf, "dtype")))


def _compiled(function: Callable[..., Any], leaves: list[Any], structure: Any) -> tuple[Any, Any]:
    """A program, and the form of what it returns.

    It takes and returns plain lists of arrays, all of them, so that its text says all that it is.
    """
    forms = []

    def flat(*leaves: Any) -> list[Any]:
        found, after = jax.tree.flatten(function(*jax.tree.unflatten(structure, leaves)))
        forms.append(after)
        return found

    lowered = jax.jit(flat, keep_unused=True).lower(*leaves)
    code = digests.digest(lowered)
    kept = None if digests.UNSEEN in code else _KEPT.pop(code["program"], None)
    _KEPT[code["program"]] = program = kept or lowered.compile()
    while len(_KEPT) > _KEEP:
        _KEPT.pop(next(iter(_KEPT)), None)
    return program, forms[-1]


def _scalars(found: Measured, nonfinite: NDArray[Any], linear: bool) -> Extras:
    """What one network has without an axis of lags."""
    shift = np.asarray(found.shift, np.float64).reshape(1, 1, 1, 1)
    extras: Extras = {SHIFT: ((), shift, np.where(np.isnan(shift), UNDEFINED, OK).astype(np.int8))}
    if found.gradient is None:
        return extras
    gradient = jax.tree.map(lambda leaf: np.asarray(leaf)[None, None], found.gradient)
    arrays = {
        name: value[None, None, None] for name, value in collect_gradient(gradient, nonfinite, linear).items()
    }
    state = arrays[f"{GRADIENT}_state"]
    return extras | {name: (axes, arrays[name], state) for name, axes in GRADIENT_AXES.items()}


def zeros_of_sequence(columns: Columns, zeros: Zeros) -> Columns:
    """The columns of one network with the zeros by definition and those of rounding told apart."""
    told = {}
    for name, (values, states) in columns.items():
        zero = np.asarray(getattr(zeros, name))
        short = ((0, states.shape[4] - len(zero)), *(((0, 0),) * (zero.ndim - 1)))
        told[name] = values, told_apart(states, np.pad(zero, short)[None, None, None, None])
    return told

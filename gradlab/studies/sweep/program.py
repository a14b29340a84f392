"""Many networks at once: one program that measures them all, on every device.

Networks that differ in `w_rec`, seed or initialiser are lanes of one program; `T` is an argument of it.
So a sweep compiles one program for each (cell with its settings, N, number of lanes).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.recurrence.objectives import ObjectiveName, draw_target
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.recurrence.projections import Gradient
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.trees import carried, merged, split
from gradlab.recurrence.unroll import NOT_CERTIFIED, SEGMENT, Norm, log10_norm
from gradlab.recurrence.zeros import Zeros, structural_zeros, told_apart
from gradlab.states import (
    BACKWARD_NONFINITE,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep.networks import stream
from gradlab.types import ProbeContext

Tree = Any
NORMS = ("adjoint", "transport")
PROBES = (*NORMS, "state_shift")
"""Of every network of a sweep."""
SHIFT = "state_shift"
NONFINITE = "nonfinite_step"
GRADIENT = "gradient"
GRADIENT_AXES = {GRADIENT: ("leaf",), "gradient_projection": ("leaf",)}
BLOCK = 4
"""Networks that a device runs side by side: few enough for its caches, and always as many.

A compiled loop may round the same network otherwise in a block of another size, so the size is fixed: then
a grid that grows, or is cut into other calls, changes no byte of what it had.
"""
CALL_BYTES = 2**29
"""A call takes and gives at most about this many bytes; a larger grid is several calls of one program."""


class Networks(NamedTuple):
    """What a program measures: every leaf has a leading axis of lanes."""

    params: Tree
    state: Tree
    xs: Any
    """Inputs (lanes, B, len, D)."""
    target: Tree
    """What the objective was drawn from, (lanes, B, ...)."""


class Measured(NamedTuple):
    """Columns of all probes and, for each sequence, the first step whose state is not finite (or 0)."""

    columns: dict[str, Norm]
    nonfinite: Any
    shift: Any = None
    """The column of `state_shift`, of each sequence; None if it was not asked for."""
    gradient: Any = None
    """The norms and projections of dL/dparams, of each sequence and leaf; None if they were not asked for."""


class Alone(NamedTuple):
    """One network as a sweep of one: the first fields of its `CellResult`."""

    parts: tuple[str, ...]
    linear: bool
    columns: dict[str, tuple[NDArray[Any], NDArray[Any]]]
    nonfinite: NDArray[Any]
    extras: dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]


def capacity(longest: int) -> int:
    """The length of the input buffers for sequences of up to `longest` steps."""
    return SEGMENT * -(-longest // SEGMENT)


def measure_one(
    step: Any, params: Tree, state: Tree, xs: Any, setup: ProbeContext, probe: str
) -> dict[str, Any]:
    """One probe of one network on one input sequence: its columns by name, and perhaps `nonfinite_step`."""
    step, state, xs, cell = carried(step, params, state, xs, setup.cell)
    setup = setup._replace(cell=cell)
    columns = registry.member("probes", probe)(step, params, state, xs, setup)._asdict()
    return {name: column for name, column in columns.items() if column is not None}


def measured_alone(
    cell: Any,
    params: Tree,
    state: Tree,
    xs: Any,
    *,
    recurrent: Callable[[Any], Any] | None,
    objective: ObjectiveName,
    seed: int,
) -> Alone:
    """All that a sweep measures of every network, of one network on one sequence.

    The network is as `given.network` leaves it: arrays of real numbers. Arrays that come back have the axes
    (init, w_rec, T, seed) of a sweep, each of size 1.
    """
    length = len(jax.tree.leaves(xs)[0])
    linear = reads_no_state(cell.step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))
    target = draw_target(objective, stream(seed, "target", objective=objective), state, cell.readout)

    @jax.jit
    def probes(params: Tree, state: Tree, xs: Any) -> Measured:
        setup = ProbeContext(make_objective(objective, target, cell.readout), recurrent, length)
        columns: dict[str, Any] = {}
        for probe in PROBES:
            columns |= measure_one(cell.step, params, state, xs, setup, probe)
        last = (columns.pop(name, None) for name in (SHIFT, GRADIENT))
        return Measured(columns, columns.pop(NONFINITE), *last)

    def zeros(params: Tree, state: Tree, xs: Any) -> Zeros:
        setup = ProbeContext(make_objective(objective, target, cell.readout), recurrent, length)
        return structural_zeros(cell.step, params, state, xs, setup)

    found = probes(params, state, xs)
    nonfinite = np.asarray(found.nonfinite)[None, None]
    columns = {}
    for name, column in found.columns.items():
        alone = jax.tree.map(lambda leaf: np.asarray(leaf)[None, None], column)
        values, states = collect(alone, nonfinite, linear, length, alone.square.shape[2])
        short = ((0, 0), (0, length + 1 - values.shape[1]), *(((0, 0),) * (values.ndim - 2)))
        values = np.pad(values, short, constant_values=np.nan)
        states = np.pad(states, short, constant_values=UNDEFINED)
        columns[name] = (values[None, None, None], states[None, None, None])
    still = np.stack([_at_rest(np.asarray(leaf)[None]) for leaf in jax.tree.leaves(split(state)[0])]).all(
        axis=0
    )
    extras = _scalars(found, nonfinite, linear)
    puzzling = any(_puzzling(name, code[0, 0, 0], still, length).any() for name, (_, code) in columns.items())
    if puzzling or any((code == EXACT_ZERO).any() for _, _, code in extras.values()):
        explained = jax.jit(zeros)(params, state, xs)
        columns = _told_apart(columns, explained)
        if GRADIENT in extras:
            code = told_apart(extras[GRADIENT][2], np.asarray(explained.gradient)[None, None, None, None])
            extras |= {name: (*extras[name][:2], code) for name in GRADIENT_AXES}
    nothing = np.full((1, 1, 1, 1, length + 1), np.nan)
    columns.setdefault("weight_gradient", (nothing, np.full(nothing.shape, UNDEFINED, np.int8)))
    return Alone(state_parts(state), linear, columns, nonfinite.reshape(1, 1, 1, 1), extras)


Extras = dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]
"""Of each column without an axis of lags its own axes, values and states."""


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


def _told_apart(columns: dict[str, Any], zeros: Zeros) -> dict[str, Any]:
    """The columns of one network with the zeros by definition and those of rounding told apart."""
    told = {}
    for name, (values, states) in columns.items():
        zero = np.asarray(getattr(zeros, name))
        short = ((0, states.shape[4] - len(zero)), *(((0, 0),) * (zero.ndim - 1)))
        told[name] = values, told_apart(states, np.pad(zero, short)[None, None, None, None])
    return told


def state_parts(state: Tree) -> tuple[str, ...]:
    """The names of a state's parts: the whole, and each leaf that has a gradient if there are several."""
    paths = jax.tree_util.tree_leaves_with_path(split(state)[0])
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    return ("state", *names) if len(names) > 1 else ("state",)


def reads_no_state(step: Any, params: Tree, state: Tree, x: Any) -> bool:
    """Whether the step's Jacobian with respect to the state is the same everywhere: the cell is linear.

    Raises:
      GradlabError: if the step has no reverse mode.
    """
    found = []

    def look(params: Tree, numbers: Tree, x: Any) -> None:
        one = pullback(
            lambda p, numbers, x: split(step(p, merged(numbers, x[1]), x[0]))[0], params, numbers, x
        )
        after, kept = one.forward(numbers, x)
        one.pull(kept, after)
        found.append(one.linear)

    numbers, others = split(state)
    try:
        jax.eval_shape(look, params, numbers, (x, others))
    except (TypeError, ValueError) as error:
        what = str(error).splitlines()[0]
        raise GradlabError("step", f"cannot be differentiated by JAX: {what}; see jax.vjp") from error
    return found[0]


@functools.cache
def program(
    cell: Any,
    name: ObjectiveName,
    devices: int,
    probes: tuple[str, ...] = PROBES,
    weights: bool = True,
    adjoint: Any = None,
) -> Any:
    """The jitted measurement, `(networks, length) -> Measured`, lanes shared out among the devices.

    Lanes come in multiples of `devices * BLOCK`. Without `weights` the gradient of the recurrent weights is
    left out; `adjoint` is a remedy's backward pass.
    """
    recurrent = cell.recurrent if weights else None

    def lane(probe: str, length: Any, params: Tree, state: Tree, xs: Any, target: Tree) -> Any:
        def sequence(xs: Any, target: Tree) -> Any:
            setup = ProbeContext(make_objective(name, target, cell.readout), recurrent, length, adjoint, cell)
            return measure_one(cell.step, params, state, xs, setup, probe)

        if len(xs) > 1:
            return jax.vmap(sequence)(xs, target)
        # A loop inside one vmap is traced far faster than inside two.
        alone = sequence(xs[0], jax.tree.map(lambda leaf: leaf[0], target))
        return jax.tree.map(lambda leaf: leaf[None], alone)

    def blocks(probe: str, networks: Networks, length: Any) -> Any:
        split = jax.tree.map(lambda leaf: leaf.reshape(-1, BLOCK, *leaf.shape[1:]), networks)
        each = jax.vmap(functools.partial(lane, probe, length))
        found = jax.lax.map(lambda some: each(*some), split)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)

    def share(networks: Networks, length: Any) -> Measured:
        columns: dict[str, Any] = {}
        for probe in probes:
            columns |= blocks(probe, networks, length)
        last = (columns.pop(name, None) for name in (SHIFT, GRADIENT))
        return Measured(columns, columns.pop(NONFINITE), *last)

    lanes, everywhere = shared(devices), PartitionSpec()  # type: ignore[no-untyped-call]
    mesh, here = lanes.mesh, lanes.spec
    mapped = jax.shard_map(share, mesh=mesh, in_specs=(here, everywhere), out_specs=here, check_vma=False)
    return jax.jit(mapped, in_shardings=(lanes, NamedSharding(mesh, everywhere)))


@functools.cache
def zeros_program(cell: Any, name: ObjectiveName) -> Any:
    """The jitted `structural_zeros`, `(networks, length) -> Zeros` by (lane, sequence, lag, ...).

    It takes `BLOCK` lanes, and is compiled only if a zero was found.
    """

    def sequence(params: Tree, state: Tree, xs: Any, target: Tree, length: Any) -> Zeros:
        setup = ProbeContext(make_objective(name, target, cell.readout), cell.recurrent, length)
        return structural_zeros(cell.step, params, state, xs, setup)

    each = jax.vmap(jax.vmap(sequence, (None, None, 0, 0, None)), (0, 0, 0, 0, None))

    def block(networks: Networks, length: Any) -> Any:
        return each(networks.params, networks.state, networks.xs, networks.target, length)

    return jax.jit(block)


def zeros_told_apart(
    cell: Any, name: ObjectiveName, networks: Networks, length: int, states: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The states of each column, (lanes, lags, ...), zeros of rounding told from those by definition.

    A network is run again only if it has a zero, `BLOCK` at a time.
    """
    still = np.stack([_at_rest(leaf) for leaf in jax.tree.leaves(networks.state)]).all(axis=0)
    has = np.stack([_puzzling(column, code, still, length) for column, code in states.items()])
    some = np.flatnonzero(has.any(axis=0))
    found = {name_: code.copy() for name_, code in states.items()}
    for at in np.split(some, range(BLOCK, len(some), BLOCK)) if len(some) else ():
        filled = np.concatenate([at, np.repeat(at[-1:], BLOCK - len(at))])
        few = jax.tree.map(lambda leaf, filled=filled: leaf[filled], networks)
        zeros = zeros_program(cell, name)(few, jnp.int32(length))
        for column, code in found.items():
            # A lane is zero where all its sequences are.
            zero = np.asarray(np.asarray(getattr(zeros, column)).all(axis=1))[: len(at), : code.shape[1]]
            short = ((0, 0), (0, code.shape[1] - zero.shape[1]), *(((0, 0),) * (zero.ndim - 2)))
            code[at] = told_apart(code[at], np.pad(zero, short))
    return found


def _at_rest(leaf: Any) -> NDArray[np.bool_]:
    """Whether each lane's part of the initial state is 0."""
    zero: NDArray[np.bool_] = (np.asarray(leaf) == 0).reshape(len(leaf), -1).all(axis=1)
    return zero


def _puzzling(column: str, code: NDArray[Any], still: Any, length: int) -> NDArray[np.bool_]:
    """Whether each lane of a column, (lanes, lags, ...), has a zero that needs an explanation.

    The recurrent weights multiply a state of zeros (`still`) in the first step: their gradient is zero there.
    """
    zero = code == EXACT_ZERO
    if column == "weight_gradient" and length <= zero.shape[1]:
        zero = zero.copy()
        zero[still, length - 1] = False
    found: NDArray[np.bool_] = zero.reshape(len(zero), -1).any(axis=1)
    return found


def shared(devices: int) -> NamedSharding:
    """The first axis shared out among so many devices."""
    here = PartitionSpec("device")  # type: ignore[no-untyped-call]
    return NamedSharding(Mesh(np.array(jax.devices()[:devices]), ("device",)), here)


def collect(
    column: Norm, nonfinite: NDArray[Any], linear: bool, length: int, lags: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A column of lanes as (log10, state), each (lanes, lags, ...): NaN and a state wherever it is not ok.

    Sequences of a lane are averaged as logarithms, over those with an ok value; a lane is exactly zero
    where all of them are. A state that is not finite spoils the Jacobians of all steps, but for a linear
    cell, whose Jacobians never look at it; a derivative that is not finite spoils what lies further back.
    """
    column = Norm(column.square[:, :, :lags], column.exponent[:, :, :lags])
    log = log10_norm(column)
    forward = np.zeros(log.shape, bool)
    if not linear:
        forward |= (nonfinite > 0).reshape(nonfinite.shape + (1,) * (log.ndim - 2))
    unknown = np.asarray(column.square) == NOT_CERTIFIED
    backward = np.isnan(log) & ~unknown
    # What a linear cell still loses to an overflow reads the states: the weight gradient.
    forward |= backward & (nonfinite > 0).reshape(nonfinite.shape + (1,) * (log.ndim - 2))
    zero = np.isneginf(log)
    fine = ~(forward | unknown | backward | zero)
    count = fine.sum(1)
    mean = np.where(fine, log, 0).sum(1) / np.maximum(count, 1)
    first = [forward.any(1), backward.any(1), unknown.any(1), count == 0]
    codes = [FORWARD_NONFINITE, BACKWARD_NONFINITE, NOT_COMPUTED, EXACT_ZERO]
    state = np.select(first, codes, OK).astype(np.int8)
    state[:, np.arange(state.shape[1]) > length] = UNDEFINED
    return np.where(state == OK, mean, np.nan), state


def collect_gradient(gradient: Gradient, nonfinite: NDArray[Any], linear: bool) -> dict[str, NDArray[Any]]:
    """The gradients of all weights, (lanes, leaf): log10 of the norm, the projection, the state of both."""
    norm = Norm(*(leaf[:, :, None] for leaf in gradient.norm))
    value, state = (found[:, 0] for found in collect(norm, nonfinite, linear, 0, 1))
    alive = np.isfinite(gradient.norm.square) & (gradient.norm.square > 0)
    count = np.maximum(alive.sum(1), 1)
    projection = np.where(alive, gradient.projection, 0).astype(np.float64).sum(1) / count
    projection = np.where(state == OK, projection, np.nan)
    return {"gradient": value, "gradient_state": state, "gradient_projection": projection}

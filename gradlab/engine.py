"""Where a sweep runs: this process, all its devices; results come back cell by cell."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.experiment import Sweep
from gradlab.sweep import (
    CALL_BYTES,
    Networks,
    capacity,
    collect,
    draw_inputs,
    draw_targets,
    draw_weights,
    program,
    reads_no_state,
    stream,
)

Tree = Any
Array = np.ndarray[Any, Any]


class Progress(NamedTuple):
    """What a progress bar shows: points done, and the seconds spent compiling and running."""

    done: int
    compiling: float
    running: float
    doing: str


class CellResult(NamedTuple):
    """All measurements of one cell: arrays over (init, w_rec, T, seed, ...)."""

    cell: str
    parts: tuple[str, ...]
    linear: bool
    columns: dict[str, tuple[Array, Array]]
    """For each column its log10 values and states, (init, w_rec, T, seed, lag) or with a last axis of parts."""
    nonfinite: Array
    digests: dict[str, str]
    """sha256 of the unit-gain parameters by `init/seed`."""


def run(sweep: Sweep, report: Callable[[Progress], None] = lambda progress: None) -> Iterator[CellResult]:
    """Measure the grid, one cell at a time."""
    clock = _Clock(report)
    with jax.enable_x64(sweep.precision == "float64"):
        for label in sweep.cell:
            yield _cell(sweep, label, clock)


class _Clock:
    """Points done and seconds spent, told to whoever draws the bar."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self.report, self.done, self.compiling, self.running = report, 0, 0.0, 0.0

    def add(self, doing: str, *, done: int = 0, compiling: float = 0.0, running: float = 0.0) -> None:
        self.done += done
        self.compiling += compiling
        self.running += running
        self.report(Progress(self.done, self.compiling, self.running, doing))


def _cell(sweep: Sweep, label: str, clock: _Clock) -> CellResult:
    began = time.perf_counter()
    clock.add(label)
    cell = registry.make("cells", label)
    networks, digests = draw(sweep, label)
    lanes = len(jax.tree.leaves(networks.params)[0])
    devices = min(len(jax.devices()), max(1, -(-lanes // 2)))
    size = lanes_per_call(networks, lanes, 2 * devices)
    first = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((size, *leaf.shape[1:]), leaf.dtype), networks)
    length = jax.ShapeDtypeStruct((), jnp.int32)
    compiled = program(cell, sweep.objective, devices).lower(first, length).compile()
    clock.add(label, compiling=time.perf_counter() - began)

    state = jax.tree.map(lambda leaf: leaf[0], networks.state)
    names = tuple(getattr(state, "_fields", ()))
    parts = ("state", *names) if len(names) > 1 else ("state",)
    linear = reads_no_state(cell.step, *(jax.tree.map(lambda leaf: leaf[0], t) for t in networks[:2]), networks.xs[0, 0, 0])
    calls = [
        (T, start, compiled(_lanes(networks, start, size), jnp.int32(T)))
        for T in sweep.T
        for start in range(0, lanes, size)
    ]
    lags = max(sweep.T) + 1
    columns: dict[str, list[Any]] = {}
    nonfinite = np.zeros((len(sweep.T), lanes), np.int32)
    for T, start, measured in calls:
        began = time.perf_counter()
        real = min(size, lanes - start)
        found = jax.tree.map(lambda leaf: np.asarray(leaf)[:real], measured)
        at = sweep.T.index(T)
        broken = np.where(found.nonfinite == 0, np.iinfo(np.int32).max, found.nonfinite).min(1)
        nonfinite[at, start : start + real] = np.where(broken == np.iinfo(np.int32).max, 0, broken)
        for name, column in found.columns.items():
            # A column without a value for the initial state (the weight gradient) ends one lag earlier.
            last = T if column.square.shape[2] > capacity(max(sweep.T)) else T - 1
            values, states = collect(column, found.nonfinite, linear, last, min(lags, column.square.shape[2]))
            columns.setdefault(name, []).append((at, start, values, states))
        clock.add(label, done=real, running=time.perf_counter() - began)
    return CellResult(
        label,
        parts,
        linear,
        {name: _joined(sweep, pieces, lanes, lags) for name, pieces in columns.items()},
        nonfinite.reshape(len(sweep.T), len(sweep.init), len(sweep.w_rec), sweep.seeds).transpose(1, 2, 0, 3),
        digests,
    )


def draw(sweep: Sweep, label: str) -> tuple[Networks, dict[str, str]]:
    """The networks of one cell, lanes ordered (init, w_rec, seed), and the digests of their unit-gain weights."""
    cell = registry.make("cells", label)
    dtype = np.dtype(sweep.precision)
    length = capacity(max(sweep.T))
    content = {"inputs": sweep.inputs, "hidden": sweep.hidden}
    seeds = range(sweep.seeds)
    inputs = [
        draw_inputs(stream(sweep.seed, "inputs", d=sweep.inputs, seed=s), sweep.batch, length, sweep.inputs, sweep.input_std)
        for s in seeds
    ]
    lanes, digests = [], {}
    for init in sweep.init:
        keys = [stream(sweep.seed, "weights", cell=label, init=init, seed=s, **content) for s in seeds]
        params, state = draw_weights(cell, registry.make("initializers", init), sweep.inputs, sweep.hidden, keys)
        for s in seeds:
            one = [np.ascontiguousarray(leaf[s]).tobytes() for leaf in jax.tree.leaves(params)]
            digests[f"{init}/{s}"] = hashlib.sha256(b"".join(one)).hexdigest()
        targets = [
            draw_targets(
                sweep.objective,
                stream(sweep.seed, "target", cell=label, hidden=sweep.hidden, objective=sweep.objective, seed=s),
                sweep.batch,
                cell,
                jax.tree.map(lambda leaf, s=s: leaf[s], state),
            )
            for s in seeds
        ]
        target = jax.tree.map(lambda *leaves: np.stack(leaves), *targets)
        whole = Networks(params, state, np.stack(inputs), target)
        for w in sweep.w_rec:
            lanes.append(whole._replace(params=params._replace(w_rec=w * params.w_rec)))
    networks = jax.tree.map(lambda *leaves: np.concatenate(leaves).astype(dtype), *lanes)
    return networks, digests


def lanes_per_call(networks: Networks, lanes: int, step: int) -> int:
    """A multiple of `step` lanes whose inputs and results stay within `CALL_BYTES`."""
    inputs = sum(leaf.nbytes for leaf in jax.tree.leaves(networks)) // max(lanes, 1)
    results = networks.xs.shape[1] * networks.xs.shape[2] * 12 * 8
    most = max(1, CALL_BYTES // (inputs + results) // step)
    return int(step * min(most, -(-lanes // step)))


def _lanes(networks: Networks, start: int, size: int) -> Networks:
    """`size` lanes from `start`; the last one is repeated where the grid ends."""

    def take(leaf: Array) -> Array:
        some = leaf[start : start + size]
        return np.concatenate([some, np.repeat(some[-1:], size - len(some), axis=0)])

    return jax.tree.map(take, networks)


def _joined(sweep: Sweep, pieces: list[Any], lanes: int, lags: int) -> tuple[Array, Array]:
    """The pieces of a column as two arrays over (init, w_rec, T, seed, lag, ...)."""
    tail = pieces[0][2].shape[2:]
    values = np.full((len(sweep.T), lanes, lags, *tail), np.nan)
    states = np.full(values.shape, 3, np.int8)
    for at, start, value, state in pieces:
        values[at, start : start + len(value), : value.shape[1]] = value
        states[at, start : start + len(value), : value.shape[1]] = state
    shape = (len(sweep.T), len(sweep.init), len(sweep.w_rec), sweep.seeds, lags, *tail)
    axes = (1, 2, 0, 3, 4, *range(5, len(shape)))
    return values.reshape(shape).transpose(axes), states.reshape(shape).transpose(axes)

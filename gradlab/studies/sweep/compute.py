"""Where a sweep runs: this process, all its devices; results come back cell by cell."""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, memory, registry
from gradlab.digests import Code
from gradlab.errors import GradlabError
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.profiles import fit
from gradlab.runs.shards import Arrays, Shards
from gradlab.states import OK, UNDEFINED
from gradlab.studies.sweep import probing
from gradlab.studies.sweep.arrays import collect, collect_gradient, zeros_told_apart
from gradlab.studies.sweep.drawing import Weights, draw
from gradlab.studies.sweep.program import (
    BLOCK,
    CALL_BYTES,
    GRADIENT,
    GRADIENT_AXES,
    SHIFT,
    Measured,
    Networks,
    capacity,
    program,
    reads_no_state,
    state_parts,
)
from gradlab.studies.sweep.settings import Sweep

Tree = Any
Array = NDArray[Any]


class CellResult(NamedTuple):
    """All measurements of one cell: arrays over (init, w_rec, T, seed, ...)."""

    cell: str
    parts: tuple[str, ...]
    linear: bool
    columns: dict[str, tuple[Array, Array]]
    """Of each column the log10 values and states, (init, w_rec, T, seed, lag), or with an axis of parts."""
    nonfinite: Array
    digests: dict[str, str]
    """sha256 of the unit-gain parameters by `init/seed`."""
    extras: dict[str, tuple[tuple[str, ...], Array, Array]]
    """Of each further probe's column its own axes, and values and states (init, w_rec, T, seed, ...)."""
    gates: tuple[str, ...]
    """What an axis `gate` counts."""
    has_gain: bool
    """Whether `w_rec` scales the cell; one that it does not scale has one result at every w_rec."""
    code: Code
    """What was computed: the digests of the cell and of what measured it."""
    leaves: tuple[str, ...] = ()
    """What an axis `leaf` counts: the parameters."""
    weights: Array | None = None
    """The norms of the unit-gain parameters, and their projections, (2, init, seed, leaf)."""


def run(
    sweep: Sweep,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[CellResult]:
    """Measure the grid, one cell at a time, those with most weights first.

    While the devices run one cell, this thread traces and compiles the next: so the long runs come early.
    Networks are drawn before all that, since a draw would have to wait for the devices too. What `shards`
    holds is not measured again; what is measured goes there, one shard per (cell, T).

    Raises:
      GradlabError: if other code has measured what `shards` holds.
    """
    clock = _Clock(report, sweep.points)
    if shards is not None:
        found = {(label, T): shards.get(cell=label, T=T) for label in sweep.cell for T in sweep.T}
        known = {
            label: digests.unpacked(arrays) for (label, _), arrays in found.items() if arrays is not None
        }
        require(sweep, known, str(shards.folder.parent), known)
    clock.add("drawing")
    drawn = draw(sweep)
    clock.add("drawing", piece=DRAWING)
    memory.release()
    running: _Started | None = None
    weights = {label: sum(leaf.size for leaf in jax.tree.leaves(drawn[label][0].params)) for label in drawn}
    for label in sorted(sweep.cell, key=lambda label: -weights[label]):
        with jax.enable_x64(sweep.precision == "float64"):
            started = _start(sweep, label, *drawn.pop(label), clock, shards)
        if running is not None:
            yield _finish(sweep, running, clock, shards)
            memory.release()
        running = started
    if running is not None:
        yield _finish(sweep, running, clock, shards)


class _Clock:
    """Points done and seconds spent, told to whoever draws the bar."""

    def __init__(self, report: Callable[[Progress], None], points: int) -> None:
        self.report, self.points = report, points
        self.done, self.compiling, self.running = 0, 0.0, 0.0

    def add(
        self,
        doing: str,
        *,
        done: int = 0,
        compiling: float = 0.0,
        running: float = 0.0,
        piece: str = "",
        share: float = 1.0,
        computed: bool = True,
    ) -> None:
        self.done += done
        self.compiling += compiling
        self.running += running
        note = f"{self.done} of {self.points} points"
        times = f"compile {self.compiling:.1f} s  run {self.running:.1f} s"
        self.report(Progress(doing, piece, share, computed, note=note, times=times))


DRAWING, WRITING = "drawing networks", "writing"


def compiling(label: str) -> str:
    """The name of a piece of the work."""
    return f"{label}: compiling"


def measuring(label: str, T: int) -> str:
    """The name of a piece of the work."""
    return f"{label}: T = {T}"


def of_program(sweep: Sweep, label: str) -> dict[str, Any]:
    """What decides which program measures a cell."""
    names = ("objective", "precision", "hidden", "inputs", "batch", "networks")
    own = {name: getattr(sweep, name) for name in names}
    return own | {"measures": label, "length": capacity(max(sweep.T)), "probes": sweep.probe}


class _Started(NamedTuple):
    """A cell whose calls are on their way."""

    cell: str
    lanes: int
    parts: tuple[str, ...]
    linear: bool
    kept: dict[int, Arrays]
    """By T, what had been measured before."""
    calls: dict[int, list[tuple[int, int, Measured]]]
    """By T, `(first lane, lanes, what the call returned)`."""
    extras: dict[int, list[tuple[str, dict[str, Any]]]]
    """By T, `(probe, its columns)`."""
    drawn: Weights
    gates: tuple[str, ...]
    networks: Networks
    code: Code


def _start(
    sweep: Sweep,
    label: str,
    networks: Networks,
    drawn: Weights,
    clock: _Clock,
    shards: Shards | None,
) -> _Started:
    """Compile a cell's program and hand it all the calls whose results are not there yet."""
    began = time.perf_counter()
    clock.add(label)
    cell = registry.make("cells", label)
    lanes = len(networks.xs)
    params, state = jax.tree.map(lambda leaf: leaf[0], (networks.params, networks.state))
    parts = state_parts(state)
    fits = functools.partial(fit, lanes=lanes, lags=max(sweep.T) + 1, parts=len(parts))
    stored = {T: shards.get(fits, cell=label, T=T) for T in sweep.T} if shards is not None else {}
    kept = {T: digests.without(arrays) for T, arrays in stored.items() if arrays is not None}
    missing = [T for T in sweep.T if T not in kept]
    linear = reads_no_state(cell.step, params, state, networks.xs[0, 0, 0])
    calls, extras = {}, {}
    lowered, size = _lowered(sweep, cell, networks)
    if missing:
        executable = lowered.compile()
        # Compiling takes far more than a program is worth.
        memory.release(programs=False)
        clock.add(label, compiling=time.perf_counter() - began, piece=compiling(label))
        for T in missing:
            calls[T] = [
                (first, min(size, lanes - first), executable(_lanes(networks, first, size), jnp.int32(T)))
                for first in range(0, lanes, size)
            ]
        for T in missing:
            extras[T] = [
                (name, probing.run(cell, name, sweep.objective, networks, T)) for name in sweep.probe
            ]
        compiled.note(**of_program(sweep, label))
    gates = probing.gate_names(cell, networks) if sweep.probe else ()
    # The devices are busy by now.
    code = _own(sweep, label) | _measuring(sweep, cell, networks, lowered, drawn)
    return _Started(label, lanes, parts, linear, kept, calls, extras, drawn, gates, networks, code)


def _lowered(sweep: Sweep, cell: Any, networks: Networks) -> tuple[Any, int]:
    """The program that measures a cell, not yet compiled, and how many lanes a call of it takes."""
    # All devices, however few the networks: a program for another number of them may round otherwise, and a
    # grid that grows changes no byte of what it had.
    devices = len(jax.devices())
    size = lanes_per_call(networks, len(networks.xs), BLOCK * devices)
    made = program(cell, sweep.objective, devices)
    return made.lower(_lanes(networks, 0, size), jnp.int32(0)), size


def _measuring(sweep: Sweep, cell: Any, networks: Networks, lowered: Any, drawn: Weights) -> Code:
    """The digests of the programs that measure a cell, step and readout in them, and of the weights drawn."""
    weights = hashlib.sha256(repr(sorted(drawn.digests.items())).encode()).hexdigest()[:32]
    programs = {"measuring": digests.digest(lowered)}
    for probe in sweep.probe:
        made = probing.program(cell, probe, sweep.objective).lower(networks, jnp.int32(0))
        programs[f"probe {probe}"] = digests.digest(made)
    return digests.named(programs) | {"weights": weights}


def _own(sweep: Sweep, label: str) -> Code:
    """The digests of a cell that its user has brought: it may change while gradlab's files do not."""
    if not registry.is_foreign("cells", label):
        return {}
    return digests.of_cell(registry.make("cells", label), (sweep.inputs, sweep.hidden), sweep.precision)


def require(sweep: Sweep, known: Any, where: str, labels: Iterable[str] | None = None) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by cell."""

    def measuring(label: str) -> Code:
        networks, drawn = draw(dataclasses.replace(sweep, cell=(label,)))[label]
        cell = registry.make("cells", label)
        with jax.enable_x64(sweep.precision == "float64"):
            return _measuring(sweep, cell, networks, _lowered(sweep, cell, networks)[0], drawn)

    wanted = {
        label: registry.is_foreign("cells", label) for label in (sweep.cell if labels is None else labels)
    }
    digests.require(known, lambda label: _own(sweep, label), measuring, where, wanted)


def _finish(sweep: Sweep, started: _Started, clock: _Clock, shards: Shards | None) -> CellResult:
    """Wait for a cell's calls and put their results together, with those that were there."""
    pieces = []
    for T in sweep.T:
        if T in started.kept:
            arrays = started.kept[T]
            piece = measuring(started.cell, T)
            clock.add(started.cell, done=sweep.networks, piece=piece, computed=False)
        else:
            arrays = _measured(sweep, started, T, clock)
            if shards is not None:
                shards.put(arrays | digests.packed(started.code), cell=started.cell, T=T)
        pieces.append(arrays)
    own = {name: axes for probe in (SHIFT, *sweep.probe) for name, axes in probing.axes(probe).items()}
    own |= GRADIENT_AXES
    if any(arrays.keys() != pieces[0].keys() or _tails(arrays) != _tails(pieces[0]) for arrays in pieces):
        what = "are not of one measurement, and do not fit together; --force measures anew"
        raise GradlabError("shards", f"those of {started.cell} {what}")
    if any(pieces[0][name].ndim != 1 + len(axes) for name, axes in own.items() if name in pieces[0]):
        raise GradlabError("shards", f"those of {started.cell} have other axes; --force measures anew")
    whole = {name: _joined(sweep, [arrays[name] for arrays in pieces]) for name in pieces[0]}
    pairs = {
        name: (value, whole[f"{name}_state"]) for name, value in whole.items() if f"{name}_state" in whole
    }
    return CellResult(
        started.cell,
        started.parts,
        started.linear,
        {name: pair for name, pair in pairs.items() if name not in own},
        whole["nonfinite"],
        started.drawn.digests,
        {name: (own[name], *pair) for name, pair in pairs.items() if name in own},
        started.gates,
        registry.make("cells", started.cell).has_gain,
        started.code,
        started.drawn.leaves,
        started.drawn.marks,
    )


def _tails(arrays: Arrays) -> dict[str, tuple[int, ...]]:
    """What each array has beside its lanes."""
    return {name: array.shape[1:] for name, array in arrays.items()}


def _measured(sweep: Sweep, started: _Started, T: int, clock: _Clock) -> Arrays:
    """All columns of a cell at one T, as values and states by (lane, ...), and where lanes broke."""
    lags = max(sweep.T) + 1
    nonfinite = np.zeros(started.lanes, np.int32)
    shift = np.full(started.lanes, np.nan)
    found: dict[str, list[Array]] = {}
    for first, size, measured in started.calls[T]:
        began = time.perf_counter()
        while not measured.nonfinite.is_ready():
            # Waiting here, and not inside XLA, leaves Python free to take a Ctrl-C.
            time.sleep(0.002)
        part = jax.tree.map(lambda leaf, size=size: np.asarray(leaf)[:size], measured)
        never = np.iinfo(np.int32).max
        step = np.where(part.nonfinite == 0, never, part.nonfinite).min(1)
        nonfinite[first : first + size] = np.where(step == never, 0, step)
        shift[first : first + size] = part.shift.max(1)
        for name, some in collect_gradient(part.gradient, part.nonfinite, started.linear).items():
            found.setdefault(name, []).append(some)
        for name, column in part.columns.items():
            # A column without a value for the initial state (the weight gradient) ends one lag earlier.
            last = T if column.square.shape[2] > capacity(max(sweep.T)) else T - 1
            values, states = collect(column, part.nonfinite, started.linear, last, lags)
            short = [(0, 0), (0, lags - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
            found.setdefault(name, []).append(np.pad(values, short, constant_values=np.nan))
            found.setdefault(f"{name}_state", []).append(np.pad(states, short, constant_values=UNDEFINED))
        done = size * sweep.networks // started.lanes
        clock.add(
            started.cell,
            done=done,
            running=time.perf_counter() - began,
            piece=measuring(started.cell, T),
            share=size / started.lanes,
        )
    arrays = {name: np.concatenate(parts) for name, parts in found.items()} | {"nonfinite": nonfinite}
    states_of = {name: arrays[f"{name}_state"] for name in (*measured.columns, GRADIENT)}
    with jax.enable_x64(sweep.precision == "float64"):
        cell = registry.make("cells", started.cell)
        states_of = zeros_told_apart(cell, sweep.objective, started.networks, T, states_of)
    arrays |= {f"{name}_state": code for name, code in states_of.items()}
    arrays["gradient_projection_state"] = arrays["gradient_state"]
    known = np.where(np.isnan(shift), UNDEFINED, OK).astype(np.int8)
    arrays |= {SHIFT: shift, f"{SHIFT}_state": known}
    broken = (nonfinite > 0) & (not started.linear)
    sizes = {"lag": lags} | dict.fromkeys(("step", "from_step", "to_step"), max(sweep.T))
    for probe, columns in started.extras[T]:

        def again(probe: str = probe) -> dict[str, Any]:
            made = probing.program(cell, probe, sweep.objective, defined=True)
            return dict(made(started.networks, jnp.int32(T)))

        with jax.enable_x64(sweep.precision == "float64"):
            found_of = probing.values(probe, columns, again, broken, T, sizes)
        for name, pair in found_of.items():
            arrays[name], arrays[f"{name}_state"] = pair
    return arrays


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

    return Networks(*jax.tree.map(take, networks))


def _joined(sweep: Sweep, pieces: list[Array]) -> Array:
    """The pieces of all T, each (lane, ...), as one array over (init, w_rec, T, seed, ...)."""
    tail = pieces[0].shape[1:]
    shape = (len(sweep.T), len(sweep.init), -1, sweep.seeds, *tail)
    axes = (1, 2, 0, 3, *range(4, len(shape)))
    # A cell that w_rec does not scale was measured once: that is its result at every w_rec.
    every = (len(sweep.init), len(sweep.w_rec), len(sweep.T), sweep.seeds, *tail)
    return np.broadcast_to(np.stack(pieces).reshape(shape).transpose(axes), every)

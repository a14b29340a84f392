"""Where a sweep runs: this process, all its devices; results come back cell by cell."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, memory, registry
from gradlab.digests import Code
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.profiles import fit
from gradlab.recurrence import platforms
from gradlab.runs.shards import Arrays, Shards
from gradlab.states import OK, UNDEFINED
from gradlab.studies.sweep import cell_result, declared, probe_states, probing, work
from gradlab.studies.sweep.arrays import collect, collect_gradient, zeros_told_apart
from gradlab.studies.sweep.calls import compiled_for, measuring, part
from gradlab.studies.sweep.cell_result import CellResult
from gradlab.studies.sweep.code import of_foreign, of_programs, of_zeros, require
from gradlab.studies.sweep.drawing import Weights, at_length, draw
from gradlab.studies.sweep.program import (
    GRADIENT,
    SHIFT,
    Measured,
    Networks,
    capacity,
    reads_no_state,
    state_parts,
)
from gradlab.studies.sweep.settings import Sweep

Tree = Any
Array = NDArray[Any]


def run(
    sweep: Sweep,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[CellResult]:
    """Measure the grid, one cell at a time.

    What `shards` holds is not measured again; what is measured goes there, one shard per (cell, T).

    Raises:
      GradlabError: if other code has measured what `shards` holds.
    """
    for started, pieces, codes in _measuring(sweep, report, shards, dict.fromkeys(sweep.cell, sweep.T)):
        yield _result(sweep, started, pieces, codes)
        memory.release()


def share(
    sweep: Sweep, report: Callable[[Progress], None], shards: Shards, groups: Sequence[tuple[str, int]]
) -> None:
    """Measure some (cell, T) of the grid, and keep what they give in `shards` alone; errors as of `run`."""
    some: dict[str, list[int]] = {}
    for label, T in groups:
        some.setdefault(label, []).append(T)
    for _ in _measuring(sweep, report, shards, some):
        memory.release()


def _measuring(
    sweep: Sweep,
    report: Callable[[Progress], None],
    shards: Shards | None,
    some: Mapping[str, Sequence[int]],
) -> Iterator[tuple["_Started", list[Arrays], list[Code]]]:
    """Each of some cells, measured at some T.

    While the devices run one cell, this thread traces and compiles the next: so the long runs come early.
    Networks are drawn before all that, since a draw would have to wait for the devices too.
    """
    clock = work.Clock(report, sweep.networks * sum(map(len, some.values())))
    if shards is not None:
        found = {label: [shards.get(cell=label, T=T) for T in sweep.T] for label in some}
        stored = {label: [one for one in some if one is not None] for label, some in found.items()}
        known = {
            label: digests.together(map(digests.unpacked, some)) for label, some in stored.items() if some
        }
        require(sweep, known, str(shards.folder.parent), known)
    clock.add("drawing")
    drawn = draw(dataclasses.replace(sweep, cell=tuple(some)))
    for label in some:
        clock.add("drawing", piece=work.drawing(label))
    memory.release()
    running: _Started | None = None
    sizes = {label: sum(leaf.size for leaf in jax.tree.leaves(drawn[label][0].params)) for label in drawn}
    order = work.in_turn(sizes)
    for i, label in enumerate(order):
        with jax.enable_x64(sweep.precision == "float64"):
            started = _start(sweep, label, *drawn.pop(label), clock, shards, some[label])
        if running is not None:
            yield running, *_finish(sweep, running, clock, shards, some[running.cell])
        running = started
        if i == 0 and sizes[label] < max(sizes.values()):
            # A small one: it has run sooner than another cell is traced, and its rows can be read.
            yield running, *_finish(sweep, running, clock, shards, some[label])
            running = None
    if running is not None:
        yield running, *_finish(sweep, running, clock, shards, some[running.cell])


class _Started(NamedTuple):
    """A cell whose calls are on their way."""

    cell: str
    total: int
    """Its networks."""
    parts: tuple[str, ...]
    linear: bool
    kept: dict[int, Arrays]
    """By T, what had been measured before."""
    calls: dict[int, list[tuple[int, int, Measured]]]
    """By T, `(first network, networks, what the call returned)`."""
    extras: dict[int, list[tuple[str, dict[str, Any]]]]
    """By T, `(probe, its columns)`."""
    drawn: Weights
    gates: tuple[str, ...]
    readout: int
    networks: Networks
    code: Code


def _start(
    sweep: Sweep,
    label: str,
    networks: Networks,
    drawn: Weights,
    clock: work.Clock,
    shards: Shards | None,
    some: Sequence[int],
) -> _Started:
    """Compile a cell's program and hand it the calls at some T whose results are not there yet."""
    began = time.perf_counter()
    clock.add(label)
    cell = registry.make("cells", label)
    total = len(networks.xs)
    params, state = jax.tree.map(lambda leaf: leaf[0], (networks.params, networks.state))
    parts = state_parts(state)
    fits = functools.partial(fit, networks=total, lags=max(sweep.T) + 1, parts=len(parts))
    stored = {T: shards.get(fits, cell=label, T=T) for T in some} if shards is not None else {}
    kept = {T: arrays for T, arrays in stored.items() if arrays is not None}
    missing = [T for T in some if T not in kept]
    linear = reads_no_state(cell.step, params, state, networks.xs[0, 0, 0])
    further = declared.asked(sweep.probe, cell.rescales)
    calls: dict[int, Any] = {}
    extras: dict[int, list[tuple[str, dict[str, Any]]]] = {}
    made, size = measuring(sweep, label, networks)
    if missing:
        made_for = compiled_for(sweep, label, networks, made, missing)
        # Compiling takes far more than a program is worth.
        memory.release(programs=False)
        clock.add(label, compiling=time.perf_counter() - began, piece=work.compiling(label))
        there = {T: at_length(sweep, networks, T) for T in missing}
        for T in missing:
            calls[T] = [
                (first, min(size, total - first), made_for[T](part(there[T], first, size), jnp.int32(T)))
                for first in range(0, total, size)
            ]
        for T in missing:
            extras[T] = []
            for name in further:
                more = probing.beside(sweep, cell, name, there[T], T)
                extras[T].append((name, probing.run(cell, name, sweep.objective, there[T], T, more)))
        compiled.note(**work.of_program(sweep, label))
    gates = probing.gate_names(cell, networks) if further else ()
    readout = probing.readout_size(cell, networks) if further else 0
    # The devices are busy by now.
    code = of_foreign(sweep, label) | of_programs(sweep, cell, networks, made, drawn)
    return _Started(label, total, parts, linear, kept, calls, extras, drawn, gates, readout, networks, code)


def _finish(
    sweep: Sweep, started: _Started, clock: work.Clock, shards: Shards | None, some: Sequence[int]
) -> tuple[list[Arrays], list[Code]]:
    """Wait for a cell's calls, and keep what they give, by T in order of `some`; what was there stays."""
    pieces, codes = [], []
    for T in some:
        if T in started.kept:
            arrays = digests.without(started.kept[T])
            codes.append(digests.unpacked(started.kept[T]) or {})
            piece = work.measuring(started.cell, T)
            clock.add(started.cell, done=sweep.networks, piece=piece, computed=False)
        else:
            arrays, code = _measured(sweep, started, T, clock)
            codes.append(digests.joined(started.code, code))
            if shards is not None:
                shards.put(arrays | digests.packed(codes[-1]), cell=started.cell, T=T)
        pieces.append(arrays)
    return pieces, codes


def _result(sweep: Sweep, started: _Started, pieces: list[Arrays], codes: list[Code]) -> CellResult:
    """What was measured of a cell at every T."""
    cell = registry.make("cells", started.cell)
    columns, extras = cell_result.together(sweep, cell, pieces)
    return CellResult(
        started.cell,
        started.parts,
        started.linear,
        columns,
        cell_result.joined(sweep, [arrays["nonfinite"] for arrays in pieces]),
        started.drawn.digests,
        extras,
        started.gates,
        cell.has_gain,
        # What tells zeros apart may have run at some T alone.
        digests.joined(*codes, started.code),
        started.drawn.leaves,
        started.drawn.marks,
        started.readout,
        cell.rescales,
    )


def _measured(sweep: Sweep, started: _Started, T: int, clock: work.Clock) -> tuple[Arrays, Code]:
    """All columns of a cell at one T, as values and states by (network, ...), and where these broke.

    And the digests of the programs that told its zeros apart, if it has any.
    """
    lags = max(sweep.T) + 1
    nonfinite = np.zeros(started.total, np.int32)
    shift = np.full(started.total, np.nan)
    found: dict[str, list[Array]] = {}
    for first, size, measured in started.calls[T]:
        began = time.perf_counter()
        while not measured.nonfinite.is_ready():
            # Waiting here, and not inside XLA, leaves Python free to take a Ctrl-C.
            time.sleep(0.002)
        back = jax.tree.map(lambda leaf, size=size: np.asarray(leaf)[:size], measured)
        never = np.iinfo(np.int32).max
        step = np.where(back.nonfinite == 0, never, back.nonfinite).min(1)
        nonfinite[first : first + size] = np.where(step == never, 0, step)
        shift[first : first + size] = back.shift.max(1)
        for name, some in collect_gradient(back.gradient, back.nonfinite, started.linear).items():
            found.setdefault(name, []).append(some)
        for name, column in back.columns.items():
            # A column without a value for the initial state (the weight gradient) ends one lag earlier.
            last = T if column.square.shape[2] > capacity(max(sweep.T)) else T - 1
            values, states = collect(column, back.nonfinite, started.linear, last, lags)
            short = [(0, 0), (0, lags - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
            found.setdefault(name, []).append(np.pad(values, short, constant_values=np.nan))
            found.setdefault(f"{name}_state", []).append(np.pad(states, short, constant_values=UNDEFINED))
        done = size * sweep.networks // started.total
        clock.add(
            started.cell,
            done=done,
            running=time.perf_counter() - began,
            piece=work.measuring(started.cell, T),
            share=size / started.total,
        )
    arrays = {name: np.concatenate(parts) for name, parts in found.items()} | {"nonfinite": nonfinite}
    states_of = {name: arrays[f"{name}_state"] for name in (*measured.columns, GRADIENT)}
    codes, networks = [], at_length(sweep, started.networks, T)
    with jax.enable_x64(sweep.precision == "float64"):
        cell = registry.make("cells", started.cell)
        states_of, ran = zeros_told_apart(cell, sweep.objective, networks, T, states_of)
        if ran:
            codes.append(of_zeros(sweep, cell, networks))
    arrays |= {f"{name}_state": code for name, code in states_of.items()}
    arrays["gradient_projection_state"] = arrays["gradient_state"]
    known = np.where(np.isnan(shift), UNDEFINED, OK).astype(np.int8)
    arrays |= {SHIFT: shift, f"{SHIFT}_state": known}
    broken = (nonfinite > 0) & (not started.linear)
    sizes = {"lag": lags} | dict.fromkeys(("step", "from_step", "to_step"), max(sweep.T))
    for probe, columns in started.extras[T]:

        def again(probe: str = probe) -> dict[str, Any]:
            codes.append(of_zeros(sweep, cell, networks, probe))
            made = probing.program(cell, probe, sweep.objective, defined=True)
            more = probing.beside(sweep, cell, probe, networks, T)
            with platforms.host():
                return dict(made(networks, jnp.int32(T), more))

        with jax.enable_x64(sweep.precision == "float64"):
            found_of = probe_states.values(probe, columns, again, broken, T, sizes)
        for name, pair in found_of.items():
            arrays[name], arrays[f"{name}_state"] = pair
    return arrays, digests.joined(*codes)

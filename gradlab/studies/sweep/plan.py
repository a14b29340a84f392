"""What a sweep will take, told before it starts."""

import dataclasses
from typing import Any, NamedTuple

from gradlab import digests, registry, tried
from gradlab.planning import compiled, costs
from gradlab.planning.costs import Sizes
from gradlab.planning.plan import STARTING, Piece, Plan, require_room
from gradlab.recurrence import platforms, wide
from gradlab.recurrence.lanczos import steps
from gradlab.recurrence.scan import SEGMENT
from gradlab.studies.sweep import declared, drawing, work
from gradlab.studies.sweep.program import CALL_BYTES, block, capacity
from gradlab.studies.sweep.settings import Sweep


class _Bytes(NamedTuple):
    """What a cell needs."""

    drawn: int
    """Its networks."""
    calls: int
    """What goes into all its calls and comes out of them, before it is put together."""
    running: int
    """While a call runs, where a processor runs it."""
    stored: int
    """What is kept of it in the end."""
    card: int
    """While a call runs, where a card runs it: of that card's memory."""


def plan(sweep: Sweep) -> Plan:
    """Count and estimate; draws nothing and compiles nothing.

    Raises:
      GradlabError: for a series that is too short, settings that do not go with one, and a probe that
        networks of so many inputs, at such T, cannot be asked.
    """
    said = drawing.said(sweep)
    tried.at(sweep.inputs, sweep.hidden)
    declared.require(sweep.probe, sweep.inputs, sweep.T)
    of = {
        label: costs.sizes(registry.make("cells", label), sweep.inputs, sweep.hidden) for label in sweep.cell
    }
    asked = {
        label: dataclasses.replace(
            sweep, probe=declared.asked(sweep.probe, registry.make("cells", label).rescales)
        )
        for label in of
    }
    need = {label: _bytes(asked[label], found) for label, found in of.items()}
    new = not all(compiled.known(**work.of_program(sweep, label)) for label in of)
    compiling = max(map(costs.compile_bytes, of.values())) if new else 0
    pieces = {STARTING: Piece(costs.IMPORTS)}
    pieces |= {work.drawing(label): _drawing(sweep, found, new) for label, found in of.items()}
    for label, found in of.items():
        known = compiled.known(**work.of_program(sweep, label))
        kept = need[label].stored // len(sweep.T)
        pieces |= _pieces(asked[label], label, found, known, kept)
    pieces[work.WRITING] = Piece(costs.FIGURES + costs.POINT * sweep.points)
    counts = {
        "points": sweep.points,
        "networks": len(sweep.cell) * sweep.networks,
        "programs": sum(1 + len(one.probe) for one in asked.values()),
    }
    largest = max(need, key=lambda label: need[label].calls + need[label].running + need[label].card)
    units = lambda: {
        label: costs.readout(registry.make("cells", label), sweep.inputs, sweep.hidden) for label in of
    }
    notes = (*said, *declared.foreseen(sweep.probe, sweep.T, units))
    held = 4 * sweep.series.values.nbytes if sweep.data else 0
    card = None if platforms.on_cpu() else max(one.card for one in need.values())
    return Plan(counts, pieces, _peak(sweep, need, compiling) + held, largest, notes, card)


def check(sweep: Sweep, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    what = f"{sweep.points} points, T up to {max(sweep.T)}, N = {sweep.hidden}"
    require_room(planned, "sweep", what, "choose a smaller grid, -T or --hidden")


def _drawing(sweep: Sweep, of: Sizes, new: bool) -> Piece:
    """Drawing a cell's networks; a worker draws them for each group, by a program that it then has."""
    networks = len(sweep.init) * sweep.seeds
    more = costs.COMPILE_DRAW if new else 0.0
    seconds = costs.draw(of, sweep.hidden, networks) + more
    return Piece(seconds, more, each=seconds - more - costs.draw(of, sweep.hidden, 0), again=seconds)


def _pieces(sweep: Sweep, label: str, of: Sizes, known: bool, kept: int) -> dict[str, Piece]:
    """Compiling a cell, of which it is `known` whether that was done before, and measuring it at each T.

    Of each T `kept` bytes are kept. The command writes down the programs of what workers have measured, too,
    to see that they are its own.
    """
    more = costs.trace(of) * len(sweep.probe) / 2
    ready = costs.trace(of) + more
    if known:
        # What users bring is traced to be found.
        ready = ready if digests.brought(label) else more
        compiling = Piece(ready + costs.LOAD * (1 + len(sweep.probe)), again=ready + costs.LOAD)
    else:
        seconds = costs.compile_sweep(of) * (1 + len(sweep.probe) / 4)
        compiling = Piece(ready + seconds, seconds, again=ready)
    call = block() * platforms.devices()
    padded = -(-sweep.networks // call) * call
    further = sweep.batch * sum(
        costs.probe(spec.partition("(")[0], of)
        + costs.multiplied(declared.effort(spec, of.weights), sweep.precision)
        for spec in sweep.probe
    )
    found = {work.compiling(label): compiling}
    for T in sweep.T:
        each = T * sweep.batch * costs.lag(of, sweep.hidden, T, sweep.precision)
        seconds = costs.shared(padded * each, sweep.networks, block()) + sweep.networks * T * further
        found[work.measuring(label, T)] = Piece(seconds, kept=kept)
    return found


def _peak(sweep: Sweep, need: dict[str, _Bytes], compiling: int) -> int:
    """The most at any time: while the last program is compiled, while one runs, or while tables are made."""
    cells = len(need)
    libraries = costs.IDLE + costs.PROBE * len(sweep.probe) + costs.SECOND_CELL * (cells > 1)
    libraries += costs.SEQUENCE * (sweep.batch - 1)
    libraries += costs.THIRD_CELL * (cells > 2) + costs.MORE_CELLS * max(0, cells - 3)
    stored = sum(one.stored for one in need.values())
    drawn = sum(one.drawn for one in need.values())
    calls = sum(sorted(one.calls for one in need.values())[-2:])
    # Of the last cell nothing is stored yet.
    waiting = stored - min(one.stored for one in need.values())
    last = libraries + compiling + drawn + calls + waiting
    running = costs.IDLE + drawn + calls + max(one.running for one in need.values()) + stored
    writing = costs.IDLE + max(one.calls for one in need.values()) + int(3.5 * stored)
    return max(last, running, writing)


def _bytes(sweep: Sweep, of: Sizes) -> _Bytes:
    item = costs.itemsize(sweep.precision)
    length, lags = capacity(max(sweep.T)), max(sweep.T) + 1
    parts = 1 if of.leaves == 1 else 1 + of.leaves
    columns = 2 + 2 * parts
    # Those of a series are other ones at each T.
    numbers = length * sweep.inputs * (1 + len(sweep.T) * bool(sweep.data))
    inputs = (of.weights + 2 * of.numbers + sweep.batch * (numbers + of.numbers)) * item
    results = sweep.batch * (length + 1) * columns * (item + 4)
    call = block() * platforms.devices()
    padded = -(-sweep.networks // call) * call
    at_once = min(padded, max(call, CALL_BYTES // (inputs + results)))
    residuals = min(SEGMENT, length) * 3 * (of.gates + 1) * sweep.hidden
    run = sweep.batch * item * (_transport(sweep, of) + residuals)
    probes = [_probe_numbers(spec, sweep, of, length) for spec in sweep.probe]
    kept = [_probe_numbers(spec, sweep, of, max(sweep.T)) for spec in sweep.probe]
    further, on_cpu = sum(probes) * sweep.batch * (item + 4), platforms.on_cpu()
    return _Bytes(
        # In float64 before they are cast, gain 1 included.
        drawn=sweep.networks * (inputs + 8 * of.weights),
        calls=len(sweep.T) * (padded * results + sweep.networks * further) + 2 * at_once * inputs,
        running=call * run if on_cpu else 0,
        stored=sweep.networks * len(sweep.T) * 9 * (lags * columns + sum(kept)),
        card=0 if on_cpu else at_once // platforms.devices() * (inputs + results) + _on_card(sweep, of),
    )


def _transport(sweep: Sweep, of: Sizes) -> int:
    """Numbers that a processor has of a sequence's transport.

    Of a segment the blocks of all lags, or one product of whole Jacobians and what is found of each lag.
    """
    if of.reached < of.numbers:
        return 2 * SEGMENT * of.numbers * (of.reached + 1)
    product = of.numbers * (3 * of.numbers + 2 * of.gates * sweep.hidden)
    return product + 2 * SEGMENT * steps(of.numbers, sweep.precision)


def _on_card(sweep: Sweep, of: Sizes) -> int:
    """What a card keeps of a block's steps of a segment, Jacobians or residuals, and what is made of it.

    Of steps that are taken at once products of two, four and so on are there side by side.
    """
    beside = block() * sweep.batch * costs.itemsize(sweep.precision)
    at_once = of.affine or of.reached < of.numbers
    steps_of = (2 * of.numbers * of.reached * beside, 3 * (of.gates + 1) * sweep.hidden * beside)
    kept = max(step * min(max(sweep.T), wide.segment_of(step, at_once=at_once)) for step in steps_of)
    return (6 if at_once else 2) * kept


def _probe_numbers(spec: str, sweep: Sweep, of: Sizes, length: int) -> int:
    """Numbers in the columns of a further probe, of one sequence."""
    own: dict[str, Any] = getattr(registry.make("probes", spec), "keywords", {})
    sizes = {
        "lag": length + 1,
        "gate": of.gates,
        "unit": sweep.hidden,
        "index": min(own.get("top") or of.numbers, of.numbers),
        "delay": own.get("delays") or 4 * sweep.hidden,
    }
    total = 0
    for axes in declared.axes(spec).values():
        numbers = 1
        for axis in axes:
            numbers *= sizes.get(axis, length)
        total += numbers
    return total

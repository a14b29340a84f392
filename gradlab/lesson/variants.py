"""Chapter 6: forget gate, peephole, coupled gates, GRU: what each does to the gradient."""

import dataclasses
from typing import NamedTuple

import numpy as np

from gradlab import registry
from gradlab.lesson import choices, connected, measured, valves
from gradlab.lesson.parts import Anatomy, Chapter, Chart, Curve, Figure, Inside, Panel, Table
from gradlab.lesson.words import number, ten_to
from gradlab.report.words import listed
from gradlab.studies.remedies import arms
from gradlab.studies.sweep.settings import Sweep

CELLS = {
    "lstm": "LSTM",
    "peephole_lstm": "peephole",
    "coupled_lstm": "coupled",
    "gru": "GRU",
    "lstm(forget_bias=0.0)": "LSTM, bias 0",
    "lstm(forget_bias=3.0)": "LSTM, bias 3",
}
"""The keeping gate's bias is 1 in the first three and 0 in the GRU: the last two tell it from all else."""
MAKES = ("LSTM", "peephole", "coupled", "GRU")
RATES = ("LSTM, bias 0", "LSTM", "LSTM, bias 3", "coupled", "GRU")
"""Whose rates are compared."""
T, N, W_REC, STD = 100, 16, 1.0, 0.5
MORE = ('gradlab sweep --cell "lstm(forget_bias=3),gru(chrono=100)" --w-rec 1.0 -T 100',)


class Cell(NamedTuple):
    """One cell, measured."""

    gates: int
    """Of its own: the candidate is none, and a gate that another one fixes is not counted."""
    weights: int
    """Numbers in the cell, for one input."""
    kept: float
    """What the keeping gate lets through in a step: the geometric mean over steps and units."""
    path: tuple[float, ...]
    """log10 by lag of the keeping gates multiplied up, of the unit where that is largest."""
    memory: tuple[float, ...]
    """log10 |dc_T/dc_t| by lag (of h in the GRU): all ways from memory to memory."""
    whole: tuple[float, ...]
    rate: float
    """Of the whole state."""
    inside: Inside
    """One step, and how wide its ways are."""


class Numbers(NamedTuple):
    """By cell, a unit that has learned, and who hears whom."""

    cells: dict[str, Cell]
    valves: valves.Valves
    heard: dict[str, connected.Logs]


def grid(seed: int) -> Sweep:
    """The cells."""
    drawn = Sweep(tuple(CELLS), ("orthogonal",), (W_REC,), (T,), N, input_std=STD, seeds=1, seed=seed)
    return dataclasses.replace(drawn, precision="float64")


def measure(seed: int) -> Numbers:
    """Measure the cells at equal size, gain and input."""
    found = {}
    for (label, _, _), network in measured.networks(grid(seed)).items():
        cell = registry.make("cells", label)
        keep = np.log10(network.gate_values[cell.carry_gate])
        paths = np.cumsum(keep[::-1], axis=0).max(axis=1)
        whole = measured.transport(network)
        found[label] = Cell(
            len(set(cell.gates) & set(network.gate_values)),
            arms.count(cell, (1, 1), N) - N - 1,
            float(10 ** keep.mean()),
            (0.0, *paths.tolist()),
            measured.transport(network, memory=True),
            whole,
            measured.rate(whole),
            measured.inside(CELLS[label], label, network),
        )
    return Numbers(found, valves.measure(seed), connected.measure(grid(seed)))


def tell(numbers: Numbers, seed: int) -> Chapter:
    """The chapter in words."""
    cells = {CELLS[label]: cell for label, cell in numbers.cells.items()}
    lstm, gru = cells["LSTM"], cells["GRU"]
    paragraphs = (
        "A memory with weight 1 never empties. The **forget gate** f = σ(...) makes the weight adjustable: "
        "$c_{t} = f · c_{t−1} + i · g$. Along the memory the error is now multiplied by f once a step, not "
        "by a matrix: the gate decides, unit by unit, how long to hold. Its bias starts at 1 here, which "
        f"keeps it {number(lstm.kept)} open on average.",
        "**Peepholes** let the gates see the memory itself and not only what the output gate shows: a shut "
        "output gate no longer blinds them. The gradient gets a side path from c through the gates back to "
        "c.",
        "**Coupled gates** save one gate: i = 1 − f. What is written is what is forgotten, and the memory is "
        "a moving average that cannot pile up.",
        "The **GRU** goes further. Memory and output are one, $h_{t} = z · h_{t−1} + (1 − z) · n$, with the "
        "keeping gate z. A *reset gate* r says how much of h the new content n may see. Its bias starts at "
        "0, so the gate "
        f"lets {number(gru.kept)} through.",
    )
    wide = cells["LSTM, bias 3"]
    ends = [cells[name].whole[T] for name in MAKES]
    best = max(cells, key=lambda name: cells[name].whole[T])
    closing = (
        "Each gate is a number between 0 and 1 for every unit, and the keeping gate multiplies. So along the "
        "memory half-open gates make a gradient vanish as surely as a small w does. But a gate sees the "
        "input, and can *learn* when to open. It can also be opened at the start: the same LSTM with a "
        f"forget bias of 3 in place of 1 keeps {number(wide.kept)} "
        f"a step and carries {ten_to(wide.whole[T])} over {T} steps, where the bias 1 carries "
        f"{ten_to(lstm.whole[T])}. Between the four makes with their usual biases the span is "
        f"{ten_to(min(ends))} to {ten_to(max(ends))}.",
    )
    insides, learned = _insides(cells, seed), valves.figure(numbers.valves, seed)
    profiles = _profiles(cells, best, seed)._replace(live=connected.live(numbers.heard))
    figures = (insides, learned, profiles, _table(cells, seed))
    return Chapter("Peephole, coupled gates, GRU", paragraphs, figures, closing, MORE)


def _insides(cells: dict[str, Cell], seed: int) -> Figure:
    """The makes as diagrams."""
    found = {name: cells[name].inside for name in MAKES}
    shares = {name: inside.shares()["c"] for name, inside in found.items() if inside.shares()}
    gru = found["GRU"].openings()
    return Figure(
        "anatomy",
        f"One step of each make; orange is the gradient on its way back, as wide as the gate that it meets "
        f"is open on average over the units and {T} steps. % is the share of the squared transport over "
        f"all lags",
        "Follow the top line from right to left: what does each cell multiply the gradient by there? And "
        "does more of it arrive in the memory c, or in h, which feeds the gates?",
        Anatomy(tuple(found.values())),
        f"Along the top line by f, {listed([_opened(found[name], 'f') for name in MAKES[:3]])}; in the GRU "
        f"by z = {number(gru['z'])}. {_arrives(shares)} The GRU has no second number: in h the top line and "
        f"the ways through r = {number(gru['r'])} and the candidate come together.",
        f"gradlab lesson 6 --seed {seed}",
        choices=choices.most(
            "In the LSTM: where does more of the squared transport arrive?", found["LSTM"].shares()
        ),
    )


def _opened(inside: Inside, gate: str) -> str:
    return f"{number(inside.openings()[gate])} ({inside.title})"


def _arrives(shares: dict[str, float]) -> str:
    """In which part of the state more arrives."""
    said = listed([f"{share:.1%} ({name})" for name, share in shares.items()])
    most = [share > 0.5 for share in shares.values()]
    where = "more than in h" if all(most) else "less than in h" if not any(most) else "against the rest in h"
    return f"In c arrives, of the squared transport, {said}: {where}."


def _profiles(cells: dict[str, Cell], best: str, seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    panels = (
        Panel("whole state", tuple(Curve(name, lags, cell.whole) for name, cell in cells.items())),
        Panel(
            "keeping gates alone, best unit",
            tuple(Curve(name, lags, cell.path) for name, cell in cells.items()),
        ),
    )
    ends = listed([f"{ten_to(cell.whole[T])} ({name})" for name, cell in cells.items()])
    alone = listed([f"{ten_to(cell.path[T])} ({name})" for name, cell in cells.items()])
    return Figure(
        "variants",
        f"The transport by lag of {len(cells)} gated cells, N = {N}, `w_rec` = {W_REC:g}, as they start",
        "None of these cells has been trained. Which of them carries the error farthest, and can you tell "
        "from the keeping gate alone?",
        Chart("lag", "transport", panels, powers=True),
        f"After {T} steps: {ends}. Of these {len(cells)} networks {best} carries farthest. The keeping "
        f"gates alone, multiplied up for the unit that holds longest, give {alone}: by them "
        f"{_ahead(cells, best)}. What lies between the two is carried by the other ways, through the "
        "gates and the matrices.",
        measured.command(grid(seed)),
        choices=choices.most(
            f"Which carries it farthest, over {T} steps?",
            {name: cell.whole[T] for name, cell in cells.items()},
        ),
    )


def _ahead(cells: dict[str, Cell], best: str) -> str:
    """Whether the keeping gates alone tell which cell carries farthest."""
    first = max(cells, key=lambda name: cells[name].path[T])
    short = "but not how far it carries"
    return f"one could tell which, {short}" if first == best else f"one would have said {first}"


def _table(cells: dict[str, Cell], seed: int) -> Figure:
    head = ("cell", "gates", "weights", "kept a step", "memory, 10 back", "rate a step")
    rows = tuple(
        (
            name,
            str(cell.gates),
            str(cell.weights),
            number(cell.kept),
            ten_to(cell.memory[10]),
            number(cell.rate),
        )
        for name, cell in cells.items()
    )
    costly, cheap = (pick(MAKES, key=lambda name: cells[name].weights) for pick in (max, min))
    return Figure(
        "cells",
        "What each costs and what it keeps (a candidate is no gate; rate: powers of ten per step, below 0 "
        "the gradient fades, above 0 it grows)",
        "Fewer gates mean fewer weights. Does a gate less also change the rate, or is it the bias of the "
        "keeping gate that does?",
        Table(head, rows),
        f"From {cells[costly].weights} weights ({costly}) down to {cells[cheap].weights} ({cheap}). "
        f"{_rates(cells)} Where the biases differ, as in the LSTM and the GRU as they usually start, a "
        "difference in the rate is not that of the gates alone.",
        f"gradlab lesson 6 --seed {seed}",
        choices=choices.most(
            "What changes the rate more?",
            dict(zip(("the bias of the keeping gate", "a gate less"), _changes(cells), strict=True)),
        ),
    )


def _changes(cells: dict[str, Cell]) -> tuple[float, float]:
    """How far the rate goes with the bias, and with a gate less, each with the other held."""
    zero, one, three, coupled, gru = (cells[name].rate for name in RATES)
    return max(zero, one, three) - min(zero, one, three), max(abs(coupled - one), abs(gru - zero))


def _rates(cells: dict[str, Cell]) -> str:
    """What the bias and what a gate less does to the rate, each with the other held."""
    zero, one, three, coupled, gru = (cells[name].rate for name in RATES)
    by_bias, by_gate = _changes(cells)
    more = "more than" if by_bias > by_gate else "no more than"
    return (
        f"The LSTM's rate is {number(zero)}, {number(one)} and {number(three)} with the biases 0, 1 and 3. A "
        f"gate less at an equal bias: {number(coupled)} in place of {number(one)} (coupled, bias 1) and "
        f"{number(gru)} in place of {number(zero)} (GRU, bias 0). In these networks the bias changes the "
        f"rate {more} a gate does."
    )

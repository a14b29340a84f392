"""Chapter 6: forget gate, peephole, coupled gates, GRU: what each does to the gradient."""

import dataclasses
from typing import NamedTuple

import numpy as np

from gradlab import registry
from gradlab.lesson import choices, connected, measured, valves
from gradlab.lesson.languages import ENGLISH, Language, Say
from gradlab.lesson.parts import Anatomy, Chapter, Chart, Curve, Figure, Inside, Panel, Table
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
KEYS = {"peephole": "peephole", "coupled": "coupled", "LSTM, bias 0": "bias_0", "LSTM, bias 3": "bias_3"}
"""Of the names that are words."""
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


def tell(numbers: Numbers, seed: int, language: Language = ENGLISH) -> Chapter:
    """The chapter in words."""
    say = language.of("variants")
    cells = {CELLS[label]: cell for label, cell in numbers.cells.items()}
    lstm, wide = cells["LSTM"], cells["LSTM, bias 3"]
    paragraphs = (
        say("forget_gate", kept=lstm.kept),
        say("peepholes"),
        say("coupled_gates"),
        say("gru", kept=cells["GRU"].kept),
    )
    ends = [cells[name].whole[T] for name in MAKES]
    closing = say(
        "closing",
        kept=wide.kept,
        wide=say.ten_to(wide.whole[T]),
        steps=T,
        usual=say.ten_to(lstm.whole[T]),
        low=say.ten_to(min(ends)),
        high=say.ten_to(max(ends)),
    )
    figures = (
        _insides(say, cells),
        valves.figure(numbers.valves, language),
        _profiles(say, cells, seed)._replace(live=connected.live(numbers.heard, language)),
        _table(say, cells),
    )
    return Chapter(say("title"), paragraphs, figures, (closing,), MORE)


def _named(say: Say, name: str) -> str:
    return say(KEYS[name]) if name in KEYS else name


def _insides(say: Say, cells: dict[str, Cell]) -> Figure:
    """The makes as diagrams."""
    found = {name: cells[name].inside._replace(title=_named(say, name)) for name in MAKES}
    shares = {inside.title: inside.shares()["c"] for inside in found.values() if inside.shares()}
    gru = found["GRU"].openings()
    return Figure(
        "anatomy",
        say("anatomy_title", steps=T),
        say("anatomy_question"),
        Anatomy(tuple(found.values())),
        say(
            "anatomy_answer",
            forget=say.listed([_opened(say, found[name], "f") for name in MAKES[:3]]),
            z=gru["z"],
            arrives=_arrives(say, shares),
            r=gru["r"],
        ),
        choices=choices.most(say("anatomy_asked"), found["LSTM"].shares()),
    )


def _opened(say: Say, inside: Inside, gate: str) -> str:
    return say("of_cell", value=inside.openings()[gate], name=inside.title)


def _arrives(say: Say, shares: dict[str, float]) -> str:
    """In which part of the state more arrives."""
    said = [
        say("share_of_cell", share=say.fixed(100 * share, 1), name=name) for name, share in shares.items()
    ]
    most = [share > 0.5 for share in shares.values()]
    key = "more_than_in_h" if all(most) else "less_than_in_h" if not any(most) else "against_the_rest"
    return say(key, shares=say.listed(said))


def _profiles(say: Say, cells: dict[str, Cell], seed: int) -> Figure:
    lags = tuple(map(float, range(T + 1)))
    named = [(cells[name], _named(say, name), label) for label, name in CELLS.items()]
    whole = tuple(Curve(name, lags, cell.whole, cell=label) for cell, name, label in named)
    alone = tuple(Curve(name, lags, cell.path, cell=label) for cell, name, label in named)
    panels = (Panel(say("whole_state"), whole), Panel(say("gates_alone"), alone))
    ends, paths = ({name: getattr(cell, way)[T] for name, cell in cells.items()} for way in ("whole", "path"))
    best, first = (max(some, key=some.__getitem__) for some in (ends, paths))
    return Figure(
        "variants",
        say("variants_title", cells=len(cells), units=N, gain=W_REC),
        say("variants_question"),
        Chart(say("lag"), say("transport"), panels, powers=True),
        say(
            "could_tell" if first == best else "would_have_said",
            steps=T,
            ends=_listed(say, ends),
            cells=len(cells),
            best=_named(say, best),
            alone=_listed(say, paths),
            first=_named(say, first),
        ),
        measured.command(grid(seed)),
        choices=choices.most(
            say("variants_asked", steps=T),
            {_named(say, name): end for name, end in ends.items()},
        ),
    )


def _listed(say: Say, logs: dict[str, float]) -> str:
    """Numbers from their log10, each with its cell."""
    return say.listed([say("of_cell", value=say.ten_to(log), name=_named(say, k)) for k, log in logs.items()])


def _table(say: Say, cells: dict[str, Cell]) -> Figure:
    keys = ("cell", "gates", "weights", "kept", "memory_back", "rate")
    rows = tuple(
        (
            _named(say, name),
            str(cell.gates),
            say.language.written(str(cell.weights)),
            say.number(cell.kept),
            say.ten_to(cell.memory[10]),
            say.number(cell.rate),
        )
        for name, cell in cells.items()
    )
    costly, cheap = (pick(MAKES, key=lambda name: cells[name].weights) for pick in (max, min))
    by_bias, by_gate = _changes(cells)
    zero, one, three, coupled, gru = (cells[name].rate for name in RATES)
    return Figure(
        "cells",
        say("cells_title"),
        say("cells_question"),
        Table(tuple(say(key) for key in keys), rows),
        say(
            "bias_more" if by_bias > by_gate else "bias_not_more",
            most=cells[costly].weights,
            costly=_named(say, costly),
            least=cells[cheap].weights,
            cheap=_named(say, cheap),
            zero=zero,
            one=one,
            three=three,
            coupled=coupled,
            gru=gru,
        ),
        choices=choices.most(
            say("cells_asked"),
            dict(zip((say("bias"), say("gate_less")), (by_bias, by_gate), strict=True)),
        ),
    )


def _changes(cells: dict[str, Cell]) -> tuple[float, float]:
    """How far the rate goes with the bias, and with a gate less, each with the other held."""
    zero, one, three, coupled, gru = (cells[name].rate for name in RATES)
    return max(zero, one, three) - min(zero, one, three), max(abs(coupled - one), abs(gru - zero))

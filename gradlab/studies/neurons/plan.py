"""What a reading will take, told before it starts."""

from gradlab.errors import duration
from gradlab.planning import compiled, costs
from gradlab.planning.plan import STARTING, Piece, Plan, require_room
from gradlab.runtime import cores
from gradlab.studies.neurons import ablation, corpus, work
from gradlab.studies.neurons import budget as budgets
from gradlab.studies.neurons.analysis import OTHERS
from gradlab.studies.neurons.networks import settings, unit_names
from gradlab.studies.neurons.scores import SHIFTS
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.neurons.stages import COMPILING, TRAINING, trying
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.networks import Setting
from gradlab.studies.sweep.work import WRITING

LABELS = 13
"""Of a text, about, the user's own left out."""
COMPILED = 0.5
"""Share of what is compiled for a training that reading without one needs, about."""
KEPT = 6
"""Times that all units along the text are in memory while they are scored, the untrained ones left out."""


def plan(asked: Neurons, text: corpus.Text) -> Plan:
    """Count and estimate; draws nothing and compiles nothing. The time to train is what was asked for."""
    every = settings(asked, len(text.vocabulary))
    pieces = {STARTING: Piece(costs.IMPORTS)}
    compiling = 0.0
    for spec, setting in every.items():
        work.check_names(spec, unit_names(setting), setting.cell.gates)
        of = costs.sizes(setting.cell, setting.task.symbols, setting.hidden)
        known = compiled.known(**work.of_program(asked, setting))
        seconds = 0.0 if known else 0.5 * costs.compile_training(of)
        # What reads a cell is compiled where all of them are, what trains it where it is trained.
        compiling += COMPILED * seconds
        if not asked.weights:
            training = (1 - COMPILED) * seconds
            pieces[work.piece(spec, COMPILING)] = Piece(training, training)
    if asked.weights:
        pieces[STARTING] = Piece(costs.IMPORTS + compiling, compiling)
    else:
        pieces[work.TIMING] = Piece(2.0 * len(every) + compiling, compiling)
    most = 0
    for spec, setting in every.items():
        if not asked.weights:
            pieces |= _training(asked, spec, setting, len(every))
        pieces[work.piece(spec, work.SCORING)] = Piece(_scoring(asked, setting))
        most = max(most, _bytes(asked, setting, text))
    pieces[WRITING] = Piece(costs.FIGURES)
    counts = {"cells": len(every), "updates": asked.updates, "symbols": len(text.vocabulary)}
    notes = () if asked.weights else _notes(text)
    room = costs.reading_bytes(compiling=compiling > 0) + most
    return Plan(counts, pieces, room, next(iter(every)), notes)


def _training(asked: Neurons, spec: str, setting: Setting, cells: int) -> dict[str, Piece]:
    """The stages of a cell until it is trained."""
    seconds = _seconds(asked, setting, cells)
    stages = [trying(rate) for rate in asked.lr] if len(asked.lr) > 1 else []
    share = budgets.TRIED / (1 + budgets.TRIED * len(stages)) if stages else 0.0
    pieces = {work.piece(spec, stage): Piece(share * seconds) for stage in stages}
    return pieces | {work.piece(spec, TRAINING): Piece((1 - share * len(stages)) * seconds)}


def check(asked: Neurons, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    what = f"--hidden {asked.hidden}, --scored {asked.scored}, --batch {asked.batch}"
    require_room(planned, "neurons", what, "choose a smaller one of them")


def _notes(text: corpus.Text) -> tuple[str, ...]:
    few = sum(one.end - one.start for one in text.parts["train"])
    if few < 200_000:
        return (f"{few} characters to train on are few: expect what is learnt to be about spelling",)
    return ()


def _seconds(asked: Neurons, setting: Setting, cells: int) -> float:
    """Of all updates of a cell."""
    given = budgets.counted(asked)
    if given is None:
        return 60 * asked.minutes / cells
    of = costs.sizes(setting.cell, setting.task.symbols, setting.hidden)
    one = costs.update(of, setting.hidden, asked.batch, asked.T, "float32")
    return (given.updates + len(asked.lr) * given.tried * given.every) * one / min(2, cores())


def _units(setting: Setting) -> int:
    return setting.hidden * (2 + len(setting.cell.gates))


def _scoring(asked: Neurons, setting: Setting) -> float:
    """Measured: ranks and correlations at all shifts, and reading with each unit held."""
    units = _units(setting)
    ranked = (4 + OTHERS) * units * asked.scored * 1.5e-7
    shifted = units * (LABELS + len(asked.label)) * asked.scored * 2.5e-8
    held = setting.hidden * ablation.LONG * setting.hidden * 5e-8
    return 4.0 + ranked + shifted + held


def _bytes(asked: Neurons, setting: Setting, text: corpus.Text) -> int:
    """What a batch keeps for its way back, the text, and the units along it, before training and after."""
    symbols = setting.task.symbols
    numbers = arms.count(setting.cell, setting.task.sizes, setting.hidden) * 12
    numbers += asked.batch * asked.T * (6 * _units(setting) + 4 * symbols)
    numbers += (KEPT + OTHERS) * _units(setting) * asked.scored + setting.hidden * ablation.LONG * 2
    numbers += SHIFTS * (LABELS + len(asked.label)) * 4
    whole = sum(len(one.content) for one in text.files)
    return int(4 * numbers + 12 * whole)


def size(asked: Neurons, planned: Plan) -> dict[str, str]:
    """What is trained, or read, in words."""
    counts = planned.counts
    if asked.weights:
        return {
            "cells": f"{planned.largest}, {counts['symbols']} symbols",
            "weights": f"{asked.weights}, not trained further",
        }
    budget = f"{asked.updates} updates of each" if asked.updates else f"{duration(60 * asked.minutes)} in all"
    return {
        "cells": f"{', '.join(asked.cell)}, {counts['symbols']} symbols",
        "training": f"{budget}, {asked.batch} places of {asked.T} characters per update",
    }

"""Train every cell on the text at equal budget, and open it up."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, memory
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.runs.shards import Shards
from gradlab.studies.neurons import budget as budgets
from gradlab.studies.neurons import corpus, training, work
from gradlab.studies.neurons.analysis import Opened, opened
from gradlab.studies.neurons.budget import Budget
from gradlab.studies.neurons.code import of_cell, require
from gradlab.studies.neurons.labels import Label
from gradlab.studies.neurons.learn import TRAINING, Learnt, Tell, learnt
from gradlab.studies.neurons.networks import drawn, settings
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Setting, Weights


class Result(NamedTuple):
    """One cell, trained and opened up."""

    cell: str
    setting: Setting
    parameters: int
    learnt: Learnt
    opened: Opened
    bits: float
    """Per character of the whole held-out part."""
    untrained_bits: float
    text: corpus.Text
    labels: list[Label]
    budget: Budget
    seconds: float
    code: digests.Code


def run(
    asked: Neurons,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[Result]:
    """Every cell of a reading, as soon as it is there; what `shards` holds goes on where it was."""
    text = corpus.read(asked.text, asked.corpus)
    labels = work.labelled(asked, text)
    every = settings(asked, len(text.vocabulary))
    if shards is not None:
        _require(asked, every, shards)
    given = budgets.data(asked, text)
    report(Progress("timing an update"))
    budget = budgets.found(asked, every, given, shards)
    report(Progress("timed", work.TIMING, 1.0, in_all=True))
    for spec, setting in every.items():
        yield _cell(asked, spec, setting, text, labels, given, budget, report, shards)
        memory.release()


def share(asked: Neurons, report: Callable[[Progress], None], shards: Shards, specs: Sequence[str]) -> None:
    """Train some cells of a reading, and keep them in `shards` alone: they are opened up where all are.

    Their parameters are matched to all cells of the reading.
    """
    text = corpus.read(asked.text, asked.corpus)
    every = settings(asked, len(text.vocabulary))
    _require(asked, every, shards)
    given = budgets.data(asked, text)
    budget = budgets.found(asked, every, given, shards)
    for spec in specs:
        code = of_cell(asked, every[spec])
        learnt(asked, spec, every[spec], budget, given, shards, code, _teller(spec, report))
        compiled.note(**work.of_program(asked, every[spec]))
        memory.release()


def _teller(spec: str, report: Callable[[Progress], None]) -> Tell:
    """Tells how far a stage of a cell is."""

    def tell(stage: str, share: float, computed: bool, note: str) -> None:
        said = f"{spec[:24]}: {stage}, {share:.0%}"
        report(Progress(said, work.piece(spec, stage), share, computed, in_all=True, note=note))

    return tell


def _require(asked: Neurons, every: dict[str, Setting], shards: Shards) -> None:
    """Refuse shards that other code has made."""
    known = {}
    for spec in every:
        arrays = shards.get(**Checkpoint(shards, spec, asked.T, TRAINING).key)
        if arrays is not None:
            known[spec] = digests.unpacked(arrays)
    require(asked, every, known, str(shards.folder.parent), known)


def _cell(
    asked: Neurons,
    spec: str,
    setting: Setting,
    text: corpus.Text,
    labels: list[Label],
    given: budgets.Data,
    budget: Budget,
    report: Callable[[Progress], None],
    shards: Shards | None,
) -> Result:
    began = time.perf_counter()
    code = of_cell(asked, setting)
    tell = _teller(spec, report)
    found = learnt(asked, spec, setting, budget, given, shards, code, tell)
    compiled.note(**work.of_program(asked, setting))
    before = drawn(asked, spec, setting, found.rate)
    report(Progress(f"{spec[:24]}: scoring its units"))
    whole = text.codes("test")
    codes = whole[: len(labels[0].values)]
    weights, state = found.reader.best, before.state
    bits, untrained_bits = (_bits(setting, one, state, whole) for one in (weights, before.weights))
    look = opened(asked, spec, setting, weights, state, before.weights, codes, labels)
    result = Result(
        spec,
        setting,
        arms.count(setting.cell, setting.task.sizes, setting.hidden),
        found,
        look,
        bits,
        untrained_bits,
        text,
        labels,
        budget,
        time.perf_counter() - began,
        code,
    )
    tell(work.SCORING, 1.0, True, "")
    return result


def _bits(setting: Setting, weights: Weights, state: Any, codes: NDArray[np.int32]) -> float:
    """Mean bits per character of the held-out part, read at several places, the first characters left out."""
    there = jnp.asarray(budgets.beside(codes, budgets.TESTED))
    return float(training.evaluation(setting)(weights, state, there))

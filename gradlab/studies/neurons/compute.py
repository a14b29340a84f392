"""Train every cell on the text at equal budget, or take one that was trained elsewhere, and open it up."""

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
from gradlab.studies.neurons import corpus, given, training, work
from gradlab.studies.neurons.analysis import Opened, opened
from gradlab.studies.neurons.budget import Budget
from gradlab.studies.neurons.code import of_cell, require
from gradlab.studies.neurons.labels import Label
from gradlab.studies.neurons.learn import Learnt, Tell, learnt
from gradlab.studies.neurons.networks import drawn, settings
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.neurons.stages import TRAINING
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Network, Setting, Weights


class Result(NamedTuple):
    """One cell, trained and opened up."""

    cell: str
    setting: Setting
    parameters: int
    learnt: Learnt | None
    """None of weights from a file."""
    weights: Weights
    opened: Opened
    bits: float
    """Per character of the whole held-out part, of weights from a file of the whole text."""
    untrained_bits: float
    text: corpus.Text
    labels: list[Label]
    budget: Budget | None
    seconds: float
    code: digests.Code


def run(
    asked: Neurons,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[Result]:
    """Every cell of a reading, as soon as it is there; what `shards` holds goes on where it was."""
    text = given.text(asked)
    labels = work.labelled(asked, text)
    every = settings(asked, len(text.vocabulary))
    if asked.weights:
        yield _read(asked, *next(iter(every.items())), text, labels, report)
        memory.release()
        return
    if shards is not None:
        _require(asked, every, shards)
    data = budgets.data(asked, text)
    report(Progress("timing an update"))
    budget = budgets.found(asked, every, data, shards)
    report(Progress("timed", work.TIMING, 1.0, in_all=True))
    for spec, setting in every.items():
        yield _cell(asked, spec, setting, text, labels, data, budget, report, shards)
        memory.release()


def share(asked: Neurons, report: Callable[[Progress], None], shards: Shards, specs: Sequence[str]) -> None:
    """Train some cells of a reading, and keep them in `shards` alone: they are opened up where all are.

    Their parameters are matched to all cells of the reading.
    """
    text = corpus.read(asked.text, asked.corpus)
    every = settings(asked, len(text.vocabulary))
    _require(asked, every, shards)
    data = budgets.data(asked, text)
    budget = budgets.found(asked, every, data, shards)
    for spec in specs:
        code = of_cell(asked, every[spec])
        learnt(asked, spec, every[spec], budget, data, shards, code, _teller(spec, report))
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
    data: budgets.Data,
    budget: Budget,
    report: Callable[[Progress], None],
    shards: Shards | None,
) -> Result:
    began = time.perf_counter()
    code = of_cell(asked, setting)
    tell = _teller(spec, report)
    found = learnt(asked, spec, setting, budget, data, shards, code, tell)
    compiled.note(**work.of_program(asked, setting))
    report(Progress(f"{spec[:24]}: scoring its units"))
    before = drawn(asked, spec, setting, found.rate)
    made = _opened(asked, spec, setting, found.reader.best, before, text, labels, code)
    tell(work.SCORING, 1.0, True, "")
    return made._replace(learnt=found, budget=budget, seconds=time.perf_counter() - began)


def _read(
    asked: Neurons,
    spec: str,
    setting: Setting,
    text: corpus.Text,
    labels: list[Label],
    report: Callable[[Progress], None],
) -> Result:
    """Weights from a file; in the place of the network before training stands one that is drawn."""
    began = time.perf_counter()
    code = of_cell(asked, setting)
    report(Progress(f"{spec[:24]}: scoring its units"))
    weights, before = given.of(asked).weights(jnp.float32), drawn(asked, spec, setting, 0.0)
    made = _opened(asked, spec, setting, weights, before, text, labels, code)
    compiled.note(**work.of_program(asked, setting))
    report(Progress(f"{spec[:24]}: scored", work.piece(spec, work.SCORING), 1.0, True, in_all=True))
    # The unit of that number in another network says nothing of this one.
    made.opened.scored.same[:] = np.nan
    return made._replace(seconds=time.perf_counter() - began)


def _opened(
    asked: Neurons,
    spec: str,
    setting: Setting,
    weights: Weights,
    before: Network,
    text: corpus.Text,
    labels: list[Label],
    code: digests.Code,
) -> Result:
    whole, state = text.codes("test"), before.state
    codes = whole[: len(labels[0].values)]
    bits, untrained = (_bits(setting, one, state, whole) for one in (weights, before.weights))
    look = opened(asked, spec, setting, weights, state, before.weights, codes, labels)
    count = arms.count(setting.cell, setting.task.sizes, setting.hidden)
    return Result(spec, setting, count, None, weights, look, bits, untrained, text, labels, None, 0.0, code)


def _bits(setting: Setting, weights: Weights, state: Any, codes: NDArray[np.int32]) -> float:
    """Mean bits per character of the held-out part, read at several places, the first characters left out."""
    there = jnp.asarray(budgets.beside(codes, budgets.TESTED))
    return float(training.evaluation(setting)(weights, state, there))

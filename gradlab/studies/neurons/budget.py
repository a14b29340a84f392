"""Minutes turned into a count of updates, once: what the `plan` of a run holds."""

import time
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.runs.shards import Shards
from gradlab.studies.neurons import training
from gradlab.studies.neurons.corpus import Text
from gradlab.studies.neurons.networks import drawn
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.networks import Setting

SECONDS = 3.0
"""From one evaluation to the next, about."""
TRIED = 0.06
"""Share of the updates of each learning rate that is tried."""
EVERY = 50
"""Updates from one evaluation to the next where their number is given."""
LEAST = 20
"""Updates that anything can be learnt with."""
TIMED = 5
VALIDATED, TESTED = 32_768, 10**6
"""Characters of an evaluation, and of the held-out ones that are judged by, at most."""
KEY = {"stage": "plan"}


class Budget(NamedTuple):
    """How many updates each cell gets."""

    every: int
    """From one evaluation to the next."""
    rounds: int
    tried: int
    """Rounds of each learning rate that is tried; 0 if there is one only."""

    @property
    def updates(self) -> int:
        """Of the training itself."""
        return self.every * self.rounds


class Data(NamedTuple):
    """The text as a program takes it."""

    ring: NDArray[np.int32]
    starts: NDArray[np.int32]
    """Where the places of the batch begin."""
    validation: NDArray[np.int32]
    """By (character, place)."""
    vocabulary: str


def data(asked: Neurons, text: Text) -> Data:
    """The parts that are trained on and chosen by."""
    ring, rest = text.codes("train"), text.codes("validation")
    starts = (np.arange(asked.batch) * (len(ring) // asked.batch)).astype(np.int32)
    return Data(ring, starts, beside(rest, VALIDATED), text.vocabulary)


def beside(codes: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """At most so many characters of a text by (character, place), from places spread over it."""
    lanes = training.LANES
    long = min(most, len(codes)) // lanes
    places = np.arange(lanes) * (len(codes) // lanes)
    return np.stack([codes[place : place + long] for place in places], axis=1)


def counted(asked: Neurons) -> Budget | None:
    """The budget of a number of updates that was given; None where minutes are to be turned into one."""
    if not asked.updates:
        return None
    every = min(EVERY, asked.updates)
    return _with_search(asked, every, max(1, round(asked.updates / every)))


def found(asked: Neurons, settings: dict[str, Setting], given: Data, kept: Shards | None) -> Budget:
    """The budget of a run: as it was given, as it was kept, or by a short timing.

    Raises:
      GradlabError: for minutes that are not enough for one evaluation.
    """
    budget = counted(asked)
    if budget is not None:
        return budget
    stored = kept.get(_fits, **KEY) if kept is not None else None
    if stored is not None:
        return Budget(*(int(one) for one in stored["budget"]))
    times = {spec: timed(asked, spec, setting, given) for spec, setting in settings.items()}
    update = sum(one for one, _ in times.values())
    look = sum(one for _, one in times.values())
    every = max(1, round(SECONDS / update * len(times)))
    share = 1 + TRIED * len(asked.lr) * (len(asked.lr) > 1)
    rounds = 60 * asked.minutes / share / (every * update + look)
    if rounds < 1:
        every = int((60 * asked.minutes / share - look) / update)
        if every < LEAST:
            need = (LEAST * update + look) * share / 60
            what = f"{asked.minutes:g} is too little for one evaluation; at least {need:.2g} here"
            raise GradlabError("--minutes", what)
    budget = _with_search(asked, every, max(1, int(rounds)))
    if kept is not None:
        kept.put({"budget": np.array(budget, np.int64)}, **KEY)
    return budget


def _with_search(asked: Neurons, every: int, rounds: int) -> Budget:
    return Budget(every, rounds, max(1, round(TRIED * rounds)) if len(asked.lr) > 1 else 0)


def _fits(arrays: dict[str, NDArray[np.int64]]) -> bool:
    """Whether these are the numbers of a budget."""
    one = arrays.get("budget")
    return len(arrays) == 1 and one is not None and one.shape == (3,) and bool((one >= (1, 1, 0)).all())


def timed(asked: Neurons, spec: str, setting: Setting, given: Data) -> tuple[float, float]:
    """Seconds of an update and of an evaluation of a network that is thrown away."""
    reader = training.placed(training.begun(setting, drawn(asked, spec, setting, asked.lr[0], "timing")))
    program, evaluate = training.program(setting, training.devices()), training.evaluation(setting)
    ring, starts = jnp.asarray(given.ring), jnp.asarray(given.starts)
    seconds = []
    for count in (1, TIMED):
        began = time.perf_counter()
        done = program(reader.network, reader.states, ring, starts, jnp.int32(count), jnp.float32(count))
        float(done[2])
        seconds.append((time.perf_counter() - began) / count)
    look = 0.0
    for _ in range(2):
        began = time.perf_counter()
        network, codes = reader.network, jnp.asarray(given.validation)
        float(evaluate(network.weights, network.state, codes))
        look = time.perf_counter() - began
    return seconds[-1], look

"""A cell trained on a text: its learning rate chosen, the best checkpoint kept."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests
from gradlab.errors import GradlabError
from gradlab.runs.shards import Shards
from gradlab.studies.neurons import training
from gradlab.studies.neurons.budget import Budget, Data
from gradlab.studies.neurons.networks import drawn
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.neurons.stages import TRAINING, trying
from gradlab.studies.neurons.training import Reader
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Setting

Tell = Callable[[str, float, bool, str], None]
"""`(stage, share, computed, note)`."""


class Learnt(NamedTuple):
    """A trained cell and how it came about."""

    reader: Reader
    rate: float
    updates: NDArray[np.int64]
    """After which it was evaluated."""
    train: NDArray[np.float64]
    """Bits per character of the updates before."""
    validation: NDArray[np.float64]
    tried: dict[float, float]
    """Bits that each learning rate came to, where several were tried."""


def learnt(
    asked: Neurons,
    spec: str,
    setting: Setting,
    budget: Budget,
    given: Data,
    kept: Shards | None,
    code: digests.Code,
    tell: Tell,
) -> Learnt:
    """Try the learning rates, each from the start over a short budget, then train with the best.

    Raises:
      GradlabError: if no learning rate leaves a network that is finite.
    """
    tried = {}
    if budget.tried:
        for rate in asked.lr:
            name = trying(rate)
            reader, curves = _stage(
                asked, spec, setting, rate, budget.every, budget.tried, given, kept, code, name, tell
            )
            tried[rate] = float(curves["loss"][-1]) if not int(reader.network.broken) else np.inf
    rate = min(asked.lr, key=lambda one: tried.get(one, 0.0))
    reader, curves = _stage(
        asked, spec, setting, rate, budget.every, budget.rounds, given, kept, code, TRAINING, tell
    )
    if not np.isfinite(reader.best_bits):
        what = f"{rate:g} makes {spec} diverge at update {int(reader.network.broken)}; give a smaller one"
        raise GradlabError("--lr", what)
    updates = budget.every * np.arange(1, budget.rounds + 1)
    return Learnt(reader, rate, updates, curves["train_loss"], curves["loss"], tried)


def _stage(
    asked: Neurons,
    spec: str,
    setting: Setting,
    rate: float,
    every: int,
    rounds: int,
    given: Data,
    kept: Shards | None,
    code: digests.Code,
    name: str,
    tell: Tell,
) -> tuple[Reader, dict[str, NDArray[np.float64]]]:
    """Train for so many rounds, as far as that is not kept."""
    reader = training.begun(setting, drawn(asked, spec, setting, rate))
    curves = {what: np.full(rounds, np.nan) for what in ("loss", "train_loss")}
    nothing = np.zeros(1, np.int64)
    checkpoint = Checkpoint(kept, spec, asked.T, name, code)
    reader, done = checkpoint.resume(reader, curves, nothing)
    if done:
        tell(name, done / rounds, False, "")
    program, evaluate = training.program(setting, training.devices()), training.evaluation(setting)
    ring, starts = jnp.asarray(given.ring), jnp.asarray(given.starts)
    validation, total = jnp.asarray(given.validation), jnp.float32(every * rounds)
    reader = training.placed(reader)
    for at in range(done, rounds):
        if int(reader.network.broken):
            break
        network, states, bits = program(reader.network, reader.states, ring, starts, jnp.int32(every), total)
        seen = evaluate(network.weights, network.state, validation)
        curves["train_loss"][at], curves["loss"][at] = float(bits), float(seen)
        reader = reader._replace(network=network, states=states)
        if seen < reader.best_bits:
            best = network.weights, seen.astype(jnp.float32), jnp.int32(every * (at + 1))
            reader = Reader(network, states, *best)
        checkpoint.save(reader, curves, nothing, at + 1, last=at + 1 == rounds)
        tell(name, (at + 1) / rounds, True, _said(setting, reader, float(seen), given.vocabulary))
    # Everything that comes later works on one device.
    return jax.device_put(reader, jax.devices()[0]), curves


def _said(setting: Setting, reader: Reader, bits: float, vocabulary: str) -> str:
    """How well a network does, and what it writes by itself."""
    network = reader.network
    first = jnp.int32(max(0, vocabulary.find("\n")))
    codes = training.writing(setting)(network.weights, network.state, first, network.key)
    sample = "".join(vocabulary[code] for code in codes.tolist())
    return f"{bits:.2f} bits per character held out, writes {sample!a}"

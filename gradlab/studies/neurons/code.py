"""What trains a cell on text, as digests; results that other code has given are refused."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import digests
from gradlab.studies.neurons import training
from gradlab.studies.neurons.networks import drawn
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.networks import Setting

PROGRAM = "training"


def of_cell(asked: Neurons, setting: Setting) -> digests.Code:
    """The digests of a cell, its initialiser, and the program that trains it, if one does."""
    sizes = (setting.task.symbols, setting.hidden)
    own = digests.of_cell(setting.cell, sizes, "float32")
    from gradlab import registry

    draw = jax.jit(lambda key: registry.make("initializers", asked.init)(key, setting.hidden))

    parts = {"initialiser": digests.digest(draw.lower(jax.random.key(0)))}
    if asked.weights:
        return digests.joined(own, digests.named(parts), digests.here())

    def given() -> Any:
        reader = training.begun(setting, drawn(asked, "", setting, 0.1))
        starts = jnp.zeros(asked.batch, jnp.int32)
        return reader.network, reader.states, jnp.zeros(100, jnp.int32), starts, jnp.int32(1), jnp.float32(1)

    lowered = training.program(setting, training.devices()).lower(*jax.eval_shape(given))
    parts[PROGRAM] = digests.digest(lowered)
    return digests.joined(own, digests.named(parts), digests.here())


def require(
    asked: Neurons,
    every: Mapping[str, Setting],
    known: Any,
    where: str,
    specs: Iterable[str] | None = None,
) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by cell.

    Raises:
      GradlabError: with what has changed.
    """

    def shown(spec: str) -> set[str]:
        found = {"step"} if digests.brought(spec, kinds=("cells",)) else set()
        return found | ({"initialiser"} if digests.brought(asked.init, kinds=("initializers",)) else set())

    def spread(spec: str, devices: int) -> set[str]:
        alike = min(training.HALVES, devices) == training.devices()
        return set() if alike else {PROGRAM}

    wanted = {spec: shown(spec) for spec in (every if specs is None else specs)}
    now = lambda spec, before: of_cell(asked, every[spec])
    digests.require(known, now, lambda spec, before: {}, where, wanted, spread)

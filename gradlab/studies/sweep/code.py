"""What measures a cell, as digests; results that other code has given are refused."""

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import digests, registry
from gradlab.digests import Code
from gradlab.studies.sweep import probing
from gradlab.studies.sweep.calls import lowered
from gradlab.studies.sweep.drawing import Weights, draw
from gradlab.studies.sweep.program import Networks
from gradlab.studies.sweep.settings import Sweep


def require(sweep: Sweep, known: Any, where: str, labels: Iterable[str] | None = None) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by cell."""

    def programs(label: str) -> Code:
        networks, drawn = draw(dataclasses.replace(sweep, cell=(label,)))[label]
        cell = registry.make("cells", label)
        with jax.enable_x64(sweep.precision == "float64"):
            return of_programs(sweep, cell, networks, lowered(sweep, cell, networks)[0], drawn)

    some = sweep.cell if labels is None else labels
    wanted = {label: digests.brought(label, *sweep.init, *sweep.probe) for label in some}
    digests.require(known, lambda label: of_foreign(sweep, label), programs, where, wanted)


def of_programs(sweep: Sweep, cell: Any, networks: Networks, made: Any, drawn: Weights) -> Code:
    """The digests of the programs that measure a cell, step and readout in them, and of the weights drawn."""
    weights = hashlib.sha256(repr(sorted(drawn.digests.items())).encode()).hexdigest()[:32]
    programs = {"measuring": digests.digest(made)}
    for probe in sweep.probe:
        one = probing.program(cell, probe, sweep.objective).lower(networks, jnp.int32(0))
        programs[f"probe {probe}"] = digests.digest(one)
    return digests.named(programs) | {"weights": weights}


def of_foreign(sweep: Sweep, label: str) -> Code:
    """The digests of a cell that its user has brought: it may change while gradlab's files do not."""
    if not registry.is_foreign("cells", label):
        return {}
    return digests.of_cell(registry.make("cells", label), (sweep.inputs, sweep.hidden), sweep.precision)

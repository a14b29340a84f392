"""What measures a cell, as digests; results that other code has given are refused."""

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import digests, registry
from gradlab.digests import Code
from gradlab.programs import Made
from gradlab.recurrence import platforms
from gradlab.studies.sweep import declared, probing
from gradlab.studies.sweep.calls import measuring, part
from gradlab.studies.sweep.drawing import Weights, draw
from gradlab.studies.sweep.program import Networks, block, zeros_program
from gradlab.studies.sweep.settings import Sweep

MEASURING, WEIGHTS, ZEROS = "measuring", "weights", "zeros"
OF_CELL = ("init", "step", "readout")


def require(sweep: Sweep, known: Any, where: str, labels: Iterable[str] | None = None) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by cell."""

    def programs(label: str, before: Code) -> Code:
        networks, drawn = draw(dataclasses.replace(sweep, cell=(label,)))[label]
        cell = registry.make("cells", label)
        with jax.enable_x64(sweep.precision == "float64"):
            found = of_programs(sweep, cell, networks, measuring(sweep, label, networks)[0], drawn)
            further = declared.asked(sweep.probe, cell.rescales)
            asked = [probe for probe in (None, *further) if of_zeros_called(probe) in before]
            return digests.joined(found, *(of_zeros(sweep, cell, networks, probe) for probe in asked))

    some = sweep.cell if labels is None else labels
    shown = {WEIGHTS} if digests.brought(*sweep.init) else set()
    shown |= {of_probe_called(probe) for probe in sweep.probe if digests.brought(probe)}
    wanted = {label: shown.union(OF_CELL if digests.brought(label) else ()) for label in some}
    own = lambda label, before: of_foreign(sweep, label, whole=digests.DEVICES in before)
    digests.require(known, own, programs, where, wanted, lambda label, devices: {MEASURING})


def of_programs(sweep: Sweep, cell: Any, networks: Networks, made: Made, drawn: Weights) -> Code:
    """The digests of the programs that measure a cell, step and readout in them, and of the weights drawn."""
    weights = hashlib.sha256(repr(sorted(drawn.digests.items())).encode()).hexdigest()[:32]
    found, stated = {MEASURING: made.code}, {WEIGHTS: weights}
    for probe in declared.asked(sweep.probe, cell.rescales):
        more = probing.beside(sweep, cell, probe, networks, max(sweep.T))
        with platforms.host():
            one = probing.program(cell, probe, sweep.objective).lower(networks, jnp.int32(0), more)
        found[of_probe_called(probe)] = digests.digest(one)
        if registry.is_foreign("probes", probe):
            facts = declared.stated(probe, probing.readout_size(cell, networks))
            stated |= {f"{what} of {probe}": digests.of_text(said) for what, said in facts.items()}
    return digests.named(found) | stated | digests.here()


def of_zeros(sweep: Sweep, cell: Any, networks: Networks, probe: str | None = None) -> Code:
    """The digest of the program that tells zeros by definition from rounded ones, of the sweep or of a probe.

    It belongs to the code of a run that has run it: one in which a zero was found. No other program shows
    all of it: it looks at each operation of a derivative, of which several are lowered to one text, and a
    probe may do something else where its step has no forward mode.
    """
    if probe is None:
        with platforms.host():
            made = zeros_program(cell, sweep.objective).lower(part(networks, 0, block()), jnp.int32(0))
    else:
        again = probing.program(cell, probe, sweep.objective, defined=True)
        more = probing.beside(sweep, cell, probe, networks, max(sweep.T))
        try:
            with platforms.host():
                made = again.lower(networks, jnp.int32(0), more)
        except Exception as error:
            if not registry.is_foreign("probes", probe):
                raise
            return {of_zeros_called(probe): digests.of_text(type(error).__name__)}
    return digests.named({of_zeros_called(probe): digests.digest(made)})


def of_zeros_called(probe: str | None) -> str:
    """What the digest of that program is called."""
    return ZEROS if probe is None else f"{ZEROS} of {probe}"


def of_probe_called(probe: str) -> str:
    """What the digest of a probe is called."""
    return f"probe {probe}"


def of_foreign(sweep: Sweep, label: str, whole: bool = True) -> Code:
    """The digests of a cell that its user has brought: it may change while gradlab's files do not."""
    if not digests.brought(label):
        return {}
    return digests.of_cell(
        registry.make("cells", label), (sweep.inputs, sweep.hidden), sweep.precision, whole
    )

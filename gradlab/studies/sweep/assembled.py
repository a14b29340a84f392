"""What was measured of one given network as the dataset that `gradlab.measure` returns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gradlab.recurrence import objectives, projections
from gradlab.recurrence.given import Network
from gradlab.recurrence.objectives import ObjectiveName
from gradlab.studies.sweep import declared
from gradlab.studies.sweep.cell_result import CellResult
from gradlab.studies.sweep.labelled import dataset
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import GRADIENT
from gradlab.studies.sweep.single import Alone
from gradlab.types import Objective

if TYPE_CHECKING:
    import xarray


def dataset_of(
    step: Any,
    net: Network,
    result: Alone,
    probes: Sequence[str],
    *,
    T: int,
    seed: int,
    facts: Mapping[str, Any],
) -> "xarray.Dataset":
    """The dataset of one network under the name of its step; `probes` are those that `result` has as well."""
    name = getattr(step, "__name__", "step")
    cell = "step" if name == "<lambda>" else name
    weights = projections.leaves(net.params)
    marks = [projections.of_array(leaf, np.asarray(weights[leaf])) for leaf in weights]
    found = CellResult(
        cell,
        *result[:4],
        digests={},
        extras=result.extras,
        gates=("none",) if probes else (),
        has_gain=True,
        code={},
        leaves=tuple(weights) if GRADIENT in result.extras else (),
        weights=np.array(marks).T[:, None, None],
        rescales=rescales(step),
    )
    precision = str(jax.tree.leaves(net.state)[0].dtype)
    said = {"precision": precision, "networks": "given"} | dict(facts)
    # Without a cell, probes read the whole state.
    units = sum(np.size(leaf) for leaf in jax.tree.leaves(net.state))
    norms = dataset([found], ["given"], [float("nan")], [T], [seed], **said)
    return declared.noted(norms, probes, {cell: units})


def drawn(net: Network, name: ObjectiveName, seed: int) -> Objective:
    """The objective of that name, with its cotangent or target drawn."""
    key = stream(seed, "target", objective=name)
    return objectives.objective(name, objectives.draw_target(name, key, net.state, net.readout), net.readout)


def rescales(step: Any) -> bool:
    """Whether a step, or the cell that it belongs to, says that it rescales its own state."""
    places = (step, getattr(step, "__self__", None))
    return any(getattr(place, "rescales", False) is True for place in places)

"""Each window measured by itself, one after another: they share a program."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.planning.progress import Progress
from gradlab.studies.measure import models, windows
from gradlab.studies.measure.settings import Measure

if TYPE_CHECKING:
    import xarray

MEASURING = "measuring"


def squared(read: Any, target: Any) -> Any:
    """Half the squared distance of the network's output from its target."""
    return ((read - target) ** 2).sum() / 2


def run(asked: Measure, tell: Callable[[Progress], None]) -> "Iterator[xarray.Dataset]":
    """The norms of each window, its place on the axis `seed`.

    Raises:
      GradlabError: for whatever of the network or the series cannot be measured, by name.
    """
    model = models.of(asked)
    found = windows.of(asked, model)
    models.require_output(asked, model)
    for i, xs in enumerate(found.xs):
        tell(Progress(f"window {i + 1} of {len(found.xs)}", MEASURING, i / len(found.xs)))
        how: dict[str, Any] = {"objective": asked.objective, "probe": asked.probe, "seed": asked.seed}
        if model.readout is not None:
            how["readout"] = model.readout
        if found.targets is not None:
            aims = found.targets[i].astype(model.precision)
            how |= {"loss": squared, "targets": aims if asked.objective == "every" else aims[-1]}
        norms = model.measured(xs.astype(model.precision), **how)
        yield norms.assign_coords(seed=[i], w_rec=np.ones(1))
    tell(Progress("windows", MEASURING, 1.0))

"""Each window measured by itself, one after another: they share a program; what is kept is read."""

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import digests
from gradlab.errors import GradlabError
from gradlab.planning.progress import Progress
from gradlab.runs.shards import Shards
from gradlab.studies.measure import kept, models, windows, work
from gradlab.studies.measure.settings import Measure
from gradlab.studies.sweep import single

if TYPE_CHECKING:
    import xarray


def squared(read: Any, target: Any) -> Any:
    """Half the squared distance of the network's output from its target."""
    return ((read - target) ** 2).sum() / 2


def run(
    asked: Measure,
    tell: Callable[[Progress], None],
    shards: Shards | None = None,
    some: Sequence[int] | None = None,
) -> "Iterator[xarray.Dataset]":
    """The norms of each window, or of `some`, its place on the axis `seed`; what `shards` holds is read.

    Raises:
      GradlabError: for whatever of the network or the series cannot be measured, by name; if other code has
        measured what `shards` holds.
    """
    model = models.of(asked)
    found = windows.of(asked, model)
    models.require_output(asked, model)
    code = models.code(model)
    shared: dict[Hashable, Any] = {}
    for i in range(len(found.xs)) if some is None else some:
        name = work.window(i)
        there = _there(asked, code, shards, i)
        tell(Progress(f"{name} of {len(found.xs)}"))
        # Not around the loop, since what the caller does between two windows is of something else.
        with single.of_one_network(shared):
            norms = _measured(asked, model, found, i) if there is None else there
        if shards is not None and there is None:
            shards.put(kept.packed(norms, code), **work.key(i))
        tell(Progress(f"{name} of {len(found.xs)}", work.COMPILING, 1.0, there is None))
        tell(Progress(f"{name} of {len(found.xs)}", name, 1.0, there is None))
        yield norms


def _there(asked: Measure, code: digests.Code, shards: Shards | None, i: int) -> "xarray.Dataset | None":
    """A window that is kept, measured by the same code; None if it is not there."""
    arrays = None if shards is None else shards.get(functools.partial(kept.fits, T=asked.T), **work.key(i))
    if arrays is None or shards is None:
        return None
    different = digests.altered(digests.unpacked(arrays) or {}, code)
    if different:
        what = f"{shards.folder.parent} was measured with other code: another {' and '.join(different)}"
        raise GradlabError("--name", f"{what}; --force measures anew")
    return kept.unpacked(arrays)


def _measured(asked: Measure, model: models.Model, found: windows.Windows, i: int) -> "xarray.Dataset":
    how: dict[str, Any] = {"objective": asked.objective, "probe": asked.probe, "seed": asked.seed}
    if model.readout is not None:
        how["readout"] = model.readout
    if found.targets is not None:
        aims = found.targets[i].astype(model.precision)
        how |= {"loss": squared, "targets": aims if asked.objective == "every" else aims[-1]}
    norms = model.measured(found.xs[i].astype(model.precision), **how)
    return norms.assign_coords(seed=[i], w_rec=np.ones(1))

"""Metrics of a sweep, one file each: a `Metric` of the file's name, with `measure(norms) -> Measured`.

A metric is one number per network, worked out from the norms that the sweep has measured: those of every
sweep, or a column that it `needs` of a further probe. Its file says all that is to be said of it; tables,
claims, baselines, exports and plots ask.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.metrics._metric import Metric, Unknown
from gradlab.profiles import Measured
from gradlab.quantities import short
from gradlab.states import STATES

if TYPE_CHECKING:
    import xarray

__all__ = ["Measured", "Metric", "every", "held", "measured", "named", "short"]


def every() -> list[Metric]:
    """All metrics, in the order that they say.

    >>> [metric.name for metric in every()][:2]
    ['rate', 'half_life']
    """
    found: list[Metric] = [registry.make("metrics", name) for name in registry.names("metrics")]
    return sorted(found, key=lambda metric: (metric.order, metric.name))


def held(norms: "xarray.Dataset") -> list[Metric]:
    """The metrics that a dataset of norms has, in their order."""
    return [metric for metric in every() if not metric.needs or metric.needs in norms]


def named(name: str) -> Metric:
    """The metric of a name; one that is not installed here is known by its name alone."""
    return next((metric for metric in every() if metric.name == name), None) or Unknown(name)


def measured(norms: "xarray.Dataset", without: Collection[str] = ()) -> dict[tuple[str, str], Measured]:
    """Every metric of a `gradlab.norms` dataset: `(metric, part)` to arrays `(cell, init, w_rec, T, seed)`.

    Those `without` are left out, and those that need what was not measured.
    """
    found: dict[tuple[str, str], Measured] = {}
    for metric in (one for one in held(norms) if one.name not in without):
        for part in map(str, norms["part"].values):
            one = _of_part(metric, norms, part)
            if one is not None:
                found[metric.name, part] = one
    return found


def _of_part(metric: Metric, norms: "xarray.Dataset", part: str) -> Measured | None:
    """A metric of a part of the state; `GradlabError` if one of another package fails or has another form."""
    if metric.name not in registry.further("metrics"):
        return metric.of_part(norms, part)
    where = f"metric {metric.name} ({type(metric).__module__})"
    try:
        found = metric.of_part(norms, part)
    except Exception as error:
        raise GradlabError(where, f"fails: {type(error).__name__}: {shown(str(error), 200)}") from error
    if found is None:
        return None
    shape = tuple(norms.sizes[axis] for axis in ("cell", "init", "w_rec", "T", "seed"))
    if not isinstance(found, Measured) or {np.shape(found.value), np.shape(found.state)} != {shape}:
        what = "one value and one state for each (cell, init, w_rec, T, seed)"
        raise GradlabError(where, f"does not give {what}: {shape}, as Measured(value, state)")
    if not ((found.state >= 0) & (found.state < len(STATES))).all():
        raise GradlabError(where, f"has states other than 0 to {len(STATES) - 1}, those of gradlab.states")
    return found

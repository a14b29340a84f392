"""Metrics of a sweep, one file each: a `Metric` of the file's name, with `measure(norms) -> Measured`.

A metric is one number per network, worked out from the norms that the sweep has measured. Its file says all
that is to be said of it; tables, claims, baselines, exports and plots ask.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from gradlab import registry
from gradlab.metrics._metric import Metric, Unknown, short
from gradlab.profiles import Measured

if TYPE_CHECKING:
    import xarray

__all__ = ["Measured", "Metric", "every", "measured", "named", "short"]


def every() -> list[Metric]:
    """All metrics, in the order that they say.

    >>> [metric.name for metric in every()][:2]
    ['rate', 'half_life']
    """
    found: list[Metric] = [registry.make("metrics", name) for name in registry.names("metrics")]
    return sorted(found, key=lambda metric: (metric.order, metric.name))


def named(name: str) -> Metric:
    """The metric of a name; one that is not installed here is known by its name alone."""
    return next((metric for metric in every() if metric.name == name), None) or Unknown(name)


def measured(norms: "xarray.Dataset", without: Collection[str] = ()) -> dict[tuple[str, str], Measured]:
    """Every metric of a `gradlab.norms` dataset: `(metric, part)` to arrays `(cell, init, w_rec, T, seed)`.

    Those `without` are left out.
    """
    found: dict[tuple[str, str], Measured] = {}
    for metric in (one for one in every() if one.name not in without):
        for part in map(str, norms["part"].values):
            one = metric.of_part(norms, part)
            if one is not None:
                found[metric.name, part] = one
    return found

"""Measurements, one file per probe: `(step, params, state, xs, setup) -> NamedTuple of columns`.

A column is a `Norm` of shape (lag,) or (lag, part), the whole state first, then its named parts or none of
them; it becomes the variable of that name in `norms.nc`. Columns of further probes have the axes that the
file states as `AXES`; `FACTS` says of each its meaning, unit and limits, and how it prints: `quantities`.
Probes are unbatched: one network, one input sequence.

NaN says that there is nothing to measure: `undefined`; an infinite square in a `Norm`, that a derivative is
not finite: `backward_nonfinite`. Where there is a value that rounding hides, or that is not worked out, the
field `hidden` says so: a dict, by column, of True and False of the column's form. There it is `not_computed`.

Beside `AXES` the file may state `check(**settings)`, which refuses settings; `notes(norms)`, what must be
read beside a column, by its name; and `shortest(units, **settings)`, by column, the least T that it has a
value at, of a readout of so many numbers: a run says so where a sequence is shorter.

One that asks many sequences states `examples(key, T, room, units, **settings)`, which draws them for a seed
at a T, in buffers of `room` steps, as `types.Examples`, or gives None: in a sweep they are the probe's
`setup.examples`. `fits(inputs, T, **settings)` raises ValueError where networks of so many inputs, at a
shortest T, cannot be asked; `effort(weights, **settings)` tells the multiplications of a step.
"""

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.escaping import plain
from gradlab.quantities import SEVERAL, Column, fault, several

__all__ = ["HIDDEN", "Column", "axes", "columns", "marked", "measuring", "named"]

HIDDEN = "hidden"
"""The field in which a probe says where rounding hides a value."""


def axes(probe: str) -> dict[str, tuple[str, ...]]:
    """The axes of each column of a probe, as its file states them."""
    found: dict[str, tuple[str, ...]] = _home(probe).AXES
    return found


def columns(probe: str) -> dict[str, Column]:
    """What the file of a probe says of its columns; it is read, and neither run nor imported.

    Raises:
      GradlabError: if what it says is none of the facts of a column.
    """
    try:
        stated: Any = registry.constant("probes", probe, "FACTS") or {}
    except (TypeError, ImportError, OSError, SyntaxError) as error:
        raise GradlabError(f"probe {probe}", plain(str(error))[:200]) from error
    if not isinstance(stated, dict):
        raise GradlabError(f"probe {probe}", "states FACTS that are no dict, by column")
    for name, facts in stated.items():
        wrong = fault(facts)
        if wrong:
            raise GradlabError(f"probe {probe}", f"states FACTS of {plain(str(name))}: {plain(wrong)[:200]}")
    return {name: Column(name, facts) for name, facts in stated.items()}


def marked(found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns that a probe gave, and of which of them it says where rounding hides a value."""
    marks = found.get(HIDDEN)
    if not isinstance(marks, dict):
        return dict(found), {}
    return {name: column for name, column in found.items() if name != HIDDEN}, marks


def named(column: str, axes: Collection[str] = ()) -> Column:
    """The column of a name; one of which no file says anything is known by its name alone.

    With its `axes`: along lags a batch of several sequences has what a probe has without them.
    """
    if "lag" in axes and column in SEVERAL:
        return several(column)
    further = registry.further("probes")
    for probe in sorted(registry.names("probes"), key=lambda name: (name in further, name)):
        try:
            found = columns(probe).get(column)
        except GradlabError:
            # A run of other probes can still be read; a run of this one is refused before work.
            continue
        if found is not None:
            return found
    return several(column)


def measuring(wanted: Collection[str]) -> list[str]:
    """The probes that have one of these columns, by name; their files are read and not imported.

    >>> measuring(["near_bound", "time_left_saturated"])
    ['gates', 'saturation']
    """
    found = []
    for probe in registry.names("probes"):
        # What a file of somebody else's says wrong is told where the probe is asked for.
        with contextlib.suppress(GradlabError, TypeError, ImportError, OSError, SyntaxError):
            stated = registry.constant("probes", probe, "AXES") or {}
            if not stated.keys().isdisjoint(wanted):
                found.append(probe)
    return found


def _home(probe: str) -> Any:
    return registry.home("probes", probe.partition("(")[0])

"""Gauges for Prometheus, GitLab and whatever else reads OpenMetrics."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gradlab import probes
from gradlab.escaping import openmetrics as escaped
from gradlab.metrics import named
from gradlab.quantities import Column
from gradlab.runs.manifest import of_mixed
from gradlab.studies.sweep import columns, probed, results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import PointRow

FILE = "run.txt"


def openmetrics(run: Run) -> bytes:
    """One gauge per (metric, cell, init, w_rec) at the longest T; what has no value has no line.

    A column of a further probe is a gauge too, with a label for each axis of its own. Of a run that machines
    have computed which differ, `gradlab_mixed` says so.
    """
    groups = results.groups(run)
    each = groups[0].repeats
    lines = []
    for name in dict.fromkeys(name for group in groups for name in group.numbers):
        metric = named(name)
        values = ((_point(group), group.numbers.get(name, math.nan)) for group in groups)
        lines += _gauge(name, f"{metric.meaning}, the {metric.pooling} over {each}.", values)
    lost = ((_point(group), group.nonfinite) for group in groups)
    lines += _gauge("nonfinite", f"{each.capitalize()} whose forward pass is not finite.", lost)
    for column, means in _columns(run, groups).items():
        said = _said(probes.named(column, columns.columns(run.norms)[column]))
        lines += _gauge(column, f"{said}, the mean over {each}.", means)
    if mixed := of_mixed(run.about):
        lines += _gauge(
            "mixed", "1: machines that differ have computed the run.", [({"machines": mixed}, 1.0)]
        )
    return ("\n".join([*lines, "# EOF"]) + "\n").encode()


def _said(column: Column) -> str:
    unit = f", in {column.unit}" if column.unit else ""
    return f"{column.meaning}{unit}"


def _point(group: PointRow) -> dict[str, Any]:
    gain = {} if group.given else {"w_rec": group.w_rec}
    return {"cell": group.cell, "init": group.init, **gain, "T": group.T}


def _gauge(name: str, words: str, values: Iterable[tuple[Mapping[str, Any], float]]) -> list[str]:
    lines = [f"# TYPE gradlab_{name} gauge", f"# HELP gradlab_{name} {escaped(words)}"]
    for point, value in values:
        if not math.isnan(value):
            said = ",".join(f'{key}="{escaped(str(label))}"' for key, label in point.items())
            lines.append(f"gradlab_{name}{{{said}}} {value!r}")
    return lines


def _columns(run: Run, groups: list[PointRow]) -> dict[str, list[tuple[dict[str, Any], float]]]:
    """What further probes have measured at the points of the groups, by column."""
    norms = run.norms
    found: dict[str, list[tuple[dict[str, Any], float]]] = {}
    at = int(norms["T"].values.argmax())
    for entry, lengths in columns.entries(norms).items():
        if at not in lengths or not re.fullmatch(r"\w+", entry.column, re.ASCII):
            continue
        (shown,) = probed.shown(run, groups, [entry])
        means = shown.means
        found.setdefault(entry.column, []).extend(
            (_point(group) | dict(entry.at), mean) for group, mean in zip(groups, means, strict=True)
        )
    return found

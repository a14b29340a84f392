"""Gauges for Prometheus, GitLab and whatever else reads OpenMetrics."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradlab.escaping import openmetrics as escaped
from gradlab.metrics import named
from gradlab.studies.sweep import columns, results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import PointRow

FILE = "run.txt"


def openmetrics(run: Run) -> bytes:
    """One gauge per (metric, cell, init, w_rec) at the longest T; what has no value has no line.

    A column of a further probe is a gauge too, with a label for each axis of its own.
    """
    groups = results.groups(run)
    lines = []
    for name in dict.fromkeys(name for group in groups for name in group.numbers):
        metric = named(name)
        values = ((_point(group), group.numbers.get(name, math.nan)) for group in groups)
        lines += _gauge(name, f"{metric.meaning}, the {metric.pooling} over seeds.", values)
    lost = ((_point(group), group.nonfinite) for group in groups)
    lines += _gauge("nonfinite", "Seeds whose forward pass is not finite.", lost)
    for column, means in _columns(run, groups).items():
        lines += _gauge(column, f"Column {column} of a further probe, the mean over seeds.", means)
    return ("\n".join([*lines, "# EOF"]) + "\n").encode()


def _point(group: PointRow) -> dict[str, Any]:
    return {"cell": group.cell, "init": group.init, "w_rec": group.w_rec, "T": group.T}


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
    axes = [norms[axis].values.tolist() for axis in ("cell", "init", "w_rec")]
    for entry, lengths in columns.entries(norms).items():
        if at not in lengths or not re.fullmatch(r"\w+", entry.column, re.ASCII):
            continue
        value = columns.measured(norms, entry).value[..., at, :]
        for group in groups:
            labels = (group.cell, group.init, group.w_rec)
            seeds = value[tuple(axis.index(label) for axis, label in zip(axes, labels, strict=True))]
            known = seeds[~np.isnan(seeds)]
            mean = float(known.mean()) if len(known) else math.nan
            found.setdefault(entry.column, []).append((_point(group) | dict(entry.at), mean))
    return found

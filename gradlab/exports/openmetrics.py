"""Gauges for Prometheus, GitLab and whatever else reads OpenMetrics."""

import math

from gradlab.escaping import openmetrics as escaped
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run

FILE = "run.txt"

_GAUGES = {
    "rate": "Slope of log10 transport per step of lag, the mean over seeds.",
    "half_life": "Lag by which the transport has halved, the median over seeds.",
    "soft_horizon": "Lag by which the transport has fallen by 10^3, the median over seeds.",
    "hard_horizon": "Lag beyond which the gradient is exactly zero, the median over seeds.",
    "credit_horizon": "Lag within which 95 % of the weight gradient lies, the median over seeds.",
    "nonfinite": "Seeds whose forward pass is not finite.",
}


def openmetrics(run: Run) -> bytes:
    """One gauge per (metric, cell, init, w_rec) at the longest T; what has no value has no line."""
    groups = results.groups(run)
    lines = []
    for name, words in _GAUGES.items():
        lines += [f"# TYPE gradlab_{name} gauge", f"# HELP gradlab_{name} {escaped(words)}"]
        for group in groups:
            value = getattr(group, name)
            if not math.isnan(value):
                point = {"cell": group.cell, "init": group.init, "w_rec": group.w_rec, "T": group.T}
                said = ",".join(f'{key}="{escaped(str(label))}"' for key, label in point.items())
                lines.append(f"gradlab_{name}{{{said}}} {value!r}")
    return ("\n".join([*lines, "# EOF"]) + "\n").encode()

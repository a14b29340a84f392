"""For github-action-benchmark, which draws a number's history over commits."""

import math

from gradlab.escaping import document, plain
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run

FILE = "benchmark.json"
_HORIZONS = ("half_life", "soft_horizon", "credit_horizon")


def github_benchmark(run: Run) -> bytes:
    """Horizons at the longest T, for its tool `customBiggerIsBetter`.

    It compares by ratio, so only numbers above zero go there: no rate, no logarithm. A horizon that is not
    reached, or 0, is left out.
    """
    rows = []
    for group in results.groups(run):
        for name in _HORIZONS:
            value = float(getattr(group, name))
            if math.isfinite(value) and value > 0:
                where = f"{group.cell} {group.init} w_rec={group.w_rec:g} T={group.T}"
                extra = f"median of {group.seeds} seeds; {group.regime}"
                row = {"name": plain(f"{name} {where}"), "unit": "steps", "value": value, "extra": extra}
                rows.append(row)
    return (document(rows, 1) + "\n").encode()

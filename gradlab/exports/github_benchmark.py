"""For github-action-benchmark, which draws a number's history over commits."""

import math

from gradlab.escaping import document, plain
from gradlab.metrics import every
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run

FILE = "benchmark.json"


def github_benchmark(run: Run) -> bytes:
    """What is better the bigger it is, horizons first, at the longest T, for its tool `customBiggerIsBetter`.

    It compares by ratio, so only numbers above zero go there: no rate, no logarithm. A horizon that is not
    reached, or 0, is left out.
    """
    rows = []
    better = [metric for metric in every() if metric.bigger_is_better]
    for group in results.groups(run):
        for metric in better:
            value = group.numbers.get(metric.name, math.nan)
            if math.isfinite(value) and value > 0:
                where = f"{group.label} T={group.T}"
                extra = f"{metric.pooling} of {group.seeds} {group.repeats}; {group.regime}"
                row = {
                    "name": plain(f"{metric.name} {where}"),
                    "unit": metric.unit,
                    "value": value,
                    "extra": extra,
                }
                rows.append(row)
    return (document(rows, 1) + "\n").encode()

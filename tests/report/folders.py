"""Run folders to report on, written as the commands write them."""

import json

from gradlab.studies.sweep import results
from tests import made_runs, samples


def sweep(place, *, about=(), findings=None, **norms):
    """A finished sweep of made-up numbers that asks for one figure; `norms` goes to `samples.norms`."""
    made = samples.norms(**({"cells": ("elman", "lstm"), "T": (8, 20), "seeds": 2} | norms))
    facts = made_runs.facts(made, figures=["rate_map"], versions={"gradlab": "0"})
    results.write(place, results.Run(facts | dict(about), results.metrics(made), made))
    if findings is not None:
        (place / "findings.json").write_text(json.dumps({"data": findings}))
    return place

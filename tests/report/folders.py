"""Run folders to report on, written as the commands write them."""

import json

from gradlab import tables
from tests import samples

SETTINGS = {"cell": ["elman", "lstm"], "init": ["orthogonal"], "seeds": 2, "seed": 0, "precision": "float32"}


def sweep(place, *, about=(), findings=None, **norms):
    """A finished sweep of made-up numbers that asks for one figure; `norms` goes to `samples.norms`."""
    made = samples.norms(**({"cells": ("elman", "lstm"), "T": (8, 20), "seeds": 2} | norms))
    axes = {axis: made[axis].values.tolist() for axis in ("cell", "init", "w_rec", "T")}
    facts = {
        "status": "complete",
        "failed": 0,
        "figures": ["rate_map"],
        "settings": SETTINGS | axes,
        "versions": {"gradlab": "0"},
    }
    tables.write(place, tables.Run(facts | dict(about), tables.metrics(made), made))
    if findings is not None:
        (place / "findings.json").write_text(json.dumps({"data": findings}))
    return place

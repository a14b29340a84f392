"""The results of a reading put together: its tables, its arrays, and the facts of `run.json`."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab import runtime
from gradlab.runs import store
from gradlab.studies.neurons import analysis, arrays, memory
from gradlab.studies.neurons.ablation import Held
from gradlab.studies.neurons.compute import Result
from gradlab.studies.neurons.networks import leaf_name, leaves
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.settings import Neurons

if TYPE_CHECKING:
    import pandas


DIGITS = 6
"""Behind the point, of all that tables hold."""


def run(asked: Neurons, settings: dict[str, Any], results: list[Result]) -> Reading:
    """The run of a reading whose settings are stored as `settings`."""
    import xarray as xr

    first = results[0]
    scored = len(first.labels[0].values)
    shown = min(asked.shown, scored)
    variables: arrays.Variables = {
        "codes": (("character",), first.text.codes("test")[:shown], {}),
        "labels": (("label", "character"), np.stack([one.values[:shown] for one in first.labels]), {}),
    }
    for k, result in enumerate(results):
        variables |= _of_cell(k, result, shown)
    about = {
        "command": "neurons",
        "status": "complete",
        "settings": settings,
        "failed": 0,
        "points": len(results),
        "vocabulary": first.text.vocabulary,
        "kind": first.text.kind,
        "source": first.text.source,
        "plan": {
            **_budget(first),
            **{part: len(first.text.part(part)) for part in ("train", "validation", "test")},
        },
        "shown": {"characters": shown, "scored": scored, "files": _files(first, shown)},
        "anchor": analysis.ANCHOR,
        "labels": [
            {"name": one.name, "kind": one.kind, "meaning": one.meaning, "inside": one.inside_means}
            for one in first.labels
        ],
        "cells": [_facts(result) for result in results],
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "code": {found.cell: found.code for found in results},
    }
    return Reading(
        about,
        _joined([_scores(result) for result in results]),
        _joined([_units(result) for result in results]),
        _joined([_detectors(result) for result in results]),
        _joined([_curves(result) for result in results]),
        xr.Dataset(variables, {}, {"schema": "gradlab.units/1"}),
    )


def _budget(result: Result) -> dict[str, int]:
    """Updates, and what is judged when; nothing of a network that was trained elsewhere."""
    names, given = ("updates", "every", "rounds", "tried"), result.budget
    return {name: int(getattr(given, name)) if given is not None else 0 for name in names}


def _joined(tables: "list[pandas.DataFrame]") -> "pandas.DataFrame":
    import pandas as pd

    # More digits would say nothing, and twice as many bytes.
    return pd.concat(tables, ignore_index=True).round(DIGITS)


def _files(result: Result, shown: int) -> list[dict[str, Any]]:
    found, start = [], 0
    for one in result.text.parts["test"]:
        if start < shown:
            found.append({"name": result.text.files[one.file].name, "start": start})
        start += one.end - one.start
    return found


def _facts(result: Result) -> dict[str, Any]:
    """What `run.json` says of a cell."""
    cell, found, look = result.setting.cell, result.learnt, result.opened
    gates = [name.removeprefix("gate_") for name in look.read.units if name.startswith("gate_")]
    own = [name for name in look.read.units if not name.startswith("gate_")]
    return {
        "cell": result.cell,
        "hidden": result.setting.hidden,
        "parameters": result.parameters,
        "leaves": own,
        "gates": gates,
        "memory": leaf_name(cell.memory),
        "carry": str(cell.carry_gate or ""),
        "updates": int(found.reader.best_update) if found else 0,
        "broken": int(found.reader.network.broken) if found else 0,
        "lr": found.rate if found else None,
        "tried": [{"lr": lr, "bits": _finite(bits)} for lr, bits in (found.tried if found else {}).items()],
        "bits": result.bits,
        "untrained_bits": result.untrained_bits,
        "validation_bits": float(found.reader.best_bits) if found else None,
        "reach": _finite(memory.reach(look.influence)),
        "lags": look.influence.shape[1] - 1,
        "unread": {leaf: _unread(look, leaf) for leaf in own},
    }


def _unread(look: analysis.Opened, leaf: str) -> float:
    """The share of a leaf's units of which no label can be read."""
    some = [unit.above for unit in look.units if unit.name.startswith(f"{leaf}/")]
    return 1 - sum(some) / len(some)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _scores(result: Result) -> "pandas.DataFrame":
    import pandas as pd

    found, names = result.opened.scored, result.opened.names
    blocks = []
    for i, label in enumerate(result.labels):
        blocks.append(
            pd.DataFrame(
                {
                    "cell": result.cell,
                    "unit": list(names),
                    "label": label.name,
                    "measure": "auc" if label.kind == "binary" else "correlation",
                    "score": found.score[i],
                    "accuracy": found.accuracy[i],
                    "first": found.first[i],
                    "second": found.second[i],
                    "shifted": found.shifted[i],
                    "p": found.p[i],
                    "untrained": found.untrained[i],
                    "same": found.same[i],
                    "random": found.random[i],
                    "verdict": np.where(found.above[i], "above", "not above"),
                }
            )
        )
    return pd.concat(blocks, ignore_index=True)


def _units(result: Result) -> "pandas.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "cell": result.cell,
                "unit": one.name,
                "label": one.label,
                "verdict": "above" if one.above else "not above",
                "score": one.score,
                "half_life": one.half_life,
                "transport": one.transport,
                "left": one.left,
                "right": one.right,
                **_without(one.held),
            }
            for one in result.opened.units
        ]
    )


def _detectors(result: Result) -> "pandas.DataFrame":
    """The best unit of each label, and what the network loses without it."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"cell": result.cell, "label": label, "unit": unit, **_without(held)}
            for label, (unit, held) in result.opened.detectors.items()
        ]
    )


def _without(held: Held) -> dict[str, Any]:
    """A unit held at its mean, as tables have it."""
    low = held.inside.low
    return {
        "inside": held.inside.middle,
        "inside_low": low,
        "inside_high": held.inside.high,
        "outside": held.outside,
        "used": "" if math.isnan(low) else "used" if low > 0 else "not shown",
    }


def _curves(result: Result) -> "pandas.DataFrame":
    import pandas as pd

    found = result.learnt
    none = np.zeros(0)
    updates, *curves = (found.updates, found.train, found.validation) if found else [none] * 3
    pairs = zip(("train_bits", "validation_bits"), curves, strict=True)
    blocks = [
        pd.DataFrame({"cell": result.cell, "update": updates, "metric": metric, "value": values})
        for metric, values in pairs
    ]
    joined = pd.concat(blocks, ignore_index=True)
    return joined[joined["value"].notna()].reset_index(drop=True)


def _of_cell(k: int, result: Result, shown: int) -> arrays.Variables:
    """The arrays of a cell along the shown text."""
    look, read = result.opened, result.opened.read
    unit = f"unit{k}"
    found: arrays.Variables = {}
    for name, values in read.units.items():
        found[f"cell{k}_{name}"] = (("character", unit), *arrays.quantised(values[:shown]))
    anchors = -(-shown // analysis.ANCHOR)
    for name, values in look.starts.items():
        if name in read.units:
            found[f"cell{k}_start_{name}"] = (("anchor", unit), values[:anchors], {})
    weights = result.weights
    for name, leaf in leaves(weights.cell):
        values = np.asarray(leaf, np.float32)
        axes = tuple(f"cell{k}_{name}_{axis}" for axis in range(values.ndim))
        found[f"cell{k}_weight_{name}"] = (axes, values, {})
    place, bits = read.place[:shown].copy(), read.bits[:shown].copy()
    place[-1], bits[-1] = 0, np.nan
    found |= {
        f"cell{k}_weight_out": (("symbol", unit), np.asarray(weights.w_out), {}),
        f"cell{k}_bias_out": (("symbol",), np.asarray(weights.b_out), {}),
        f"cell{k}_top": (("character", "rank"), read.top[:shown], {}),
        f"cell{k}_probability": (("character", "rank"), np.round(read.probability[:shown], 4), {}),
        f"cell{k}_place": (("character",), place, {}),
        f"cell{k}_bits": (("character",), np.round(bits, 3), {}),
        f"cell{k}_influence": (("lag",), _middle(look.influence), {}),
    }
    return found


def _middle(log: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median over places; NaN where it is no number."""
    middle = np.median(log, axis=0)
    return np.where(np.isfinite(middle), middle, np.nan)

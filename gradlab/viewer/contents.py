"""What the page holds of a run: facts as JSON, and the arrays that they number."""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gradlab.report.words import clean
from gradlab.viewer import equations
from gradlab.viewer.packing import Box, fixed, half, whole

if TYPE_CHECKING:
    import pandas
    import xarray

SCORES = ("score", "accuracy", "first", "second", "shifted", "p", "untrained", "random", "same")
"""Of each unit and label; multiples of `SCORE`, which is finer than anything that is shown."""
SCORE, BITS, PROBABILITY = 1e-4, 0.1, 1 / 255
_UNIT = ("score", "half_life", "transport", "left", "right", "inside", "inside_low", "inside_high", "outside")


@runtime_checkable
class Run(Protocol):
    """What a finished run of `gradlab neurons` holds."""

    @property
    def about(self) -> dict[str, Any]: ...
    @property
    def scores(self) -> "pandas.DataFrame": ...
    @property
    def units(self) -> "pandas.DataFrame": ...
    @property
    def detectors(self) -> "pandas.DataFrame": ...
    @property
    def norms(self) -> "xarray.Dataset": ...


def contents(run: Run, room: int) -> tuple[dict[str, Any], Box]:
    """The facts and the arrays of a run.

    The memory of each cell is among them as it was measured, as long as all together stay below `room` bytes;
    what is not, the page computes from the weights. Of a cell whose equations the page does not have, states
    and gates are kept as far as there is room, and the memory always; the others cannot be chosen.
    """
    box, about, arrays = Box(), run.about, run.norms
    cells = [_cell(run, box, k) for k in range(len(about["cells"]))]
    facts = {
        "vocabulary": [ord(symbol) for symbol in about["vocabulary"]],
        "codes": box.put(whole(arrays["codes"].values)),
        "files": [
            {"name": clean(str(one["name"])), "start": int(one["start"])} for one in about["shown"]["files"]
        ],
        "labels": [
            _label(box, one, values)
            for one, values in zip(about["labels"], arrays["labels"].values, strict=True)
        ],
        "cells": cells,
        "columns": list(SCORES),
        "anchor": int(about["anchor"]),
        "steps": {"score": SCORE, "bits": BITS, "probability": PROBABILITY},
    }
    known = [k for k, cell in enumerate(cells) if cell["step"] is not None]
    for k in sorted(range(len(cells)), key=known.__contains__):
        if k not in known:
            _keep(box, arrays, cells[k], room)
        cells[k] |= _units(run, box, k, {part["leaf"] for part in cells[k]["parts"]})
    for k in known:
        _keep(box, arrays, cells[k], room)
    return facts | {"arrays": [packed.about for packed in box.arrays]}, box


def flat(name: str) -> str:
    """The name of a leaf as it stands in the name of an array."""
    return name.replace("/", "_").replace(".", "_")


def number(value: Any, digits: int = 4) -> float | str | None:
    """A number for JSON: rounded; text where it is infinite, None where it is none."""
    if value is None or value != value:
        return None
    value = float(value)
    return float(f"{value:.{digits}g}") if np.isfinite(value) else "inf" if value > 0 else "-inf"


def _keep(box: Box, arrays: "xarray.Dataset", cell: dict[str, Any], room: int) -> None:
    """Keep the values of states and gates, the memory first."""
    for i, part in enumerate(sorted(cell["parts"], key=lambda part: not part["memory"])):
        if cell["step"] is not None and not part["memory"]:
            continue
        part["array"] = box.put(np.ascontiguousarray(arrays[part["name"]].values.T), delta=True)
        if box.size > room and (cell["step"] is not None or i > 0):
            box.arrays.pop()
            part["array"] = None
    if cell["step"] is None:
        cell["parts"] = [part for part in cell["parts"] if part["array"] is not None]


def _label(box: Box, label: Mapping[str, Any], values: NDArray[Any]) -> dict[str, Any]:
    """A label; its values are whole numbers from 0, being counts."""
    counts = whole(np.clip(np.nan_to_num(np.round(values)), 0, 2**16 - 1))
    said = {key: clean(str(label[key])) for key in ("name", "kind", "meaning", "inside")}
    return said | {"array": box.put(counts, delta=True), "most": int(counts.max(initial=0))}


def _cell(run: Run, box: Box, k: int) -> dict[str, Any]:
    about, arrays, prefix = run.about["cells"][k], run.norms, f"cell{k}"
    weights = {
        str(name).removeprefix(f"{prefix}_weight_"): half(arrays[name].values)
        for name in arrays.data_vars
        if str(name).startswith(f"{prefix}_weight_")
    }
    weights["bias_out"] = half(arrays[f"{prefix}_bias_out"].values)
    starts = {leaf: half(arrays[f"{prefix}_start_{flat(leaf)}"].values) for leaf in about["leaves"]}
    step = equations.step(about["cell"])
    if any(values is None for values in [*weights.values(), *starts.values()]):
        step = None
    known = {"weights": weights, "starts": starts} if step else {"weights": {}, "starts": {}}
    return {
        "cell": clean(str(about["cell"])),
        "hidden": int(about["hidden"]),
        "step": step,
        **{
            kind: {name: box.put(values) for name, values in held.items() if values is not None}
            for kind, held in known.items()
        },
        "parts": [_part(arrays, prefix, about, leaf) for leaf in about["leaves"]]
        + [_gate(arrays, prefix, gate, about["carry"]) for gate in about["gates"]],
        "top": box.put(whole(arrays[f"{prefix}_top"].values.T)),
        "probability": box.put(fixed(arrays[f"{prefix}_probability"].values.T, PROBABILITY, np.uint8)),
        "place": box.put(whole(arrays[f"{prefix}_place"].values)),
        "bits": box.put(fixed(arrays[f"{prefix}_bits"].values, BITS, np.uint8)),
        "influence": [number(value) for value in arrays[f"{prefix}_influence"].values],
        "lags": int(about["lags"]),
        "reach": number(about["reach"]),
    }


def _part(arrays: "xarray.Dataset", prefix: str, about: Mapping[str, Any], leaf: str) -> dict[str, Any]:
    name = f"{prefix}_{flat(leaf)}"
    memory = leaf == about["memory"]
    words = "the memory" if memory else "what is read out" if leaf.rpartition("/")[2] == "h" else "state"
    return {
        "id": clean(leaf),
        "name": name,
        "leaf": leaf,
        "gate": False,
        "memory": memory,
        "words": f"{clean(leaf)}, {words}",
        "scale": float(arrays[name].attrs["scale"]),
        "array": None,
    }


def _gate(arrays: "xarray.Dataset", prefix: str, gate: str, carry: str) -> dict[str, Any]:
    name = f"{prefix}_gate_{flat(gate)}"
    return {
        "id": clean(gate),
        "name": name,
        "leaf": gate,
        "gate": True,
        "memory": False,
        "words": f"gate {clean(gate)}{', which carries the memory' if gate == carry else ''}",
        "scale": float(arrays[name].attrs["scale"]),
        "array": None,
    }


def _units(run: Run, box: Box, k: int, parts: Set[str]) -> dict[str, Any]:
    """What is said of each unit of some states and gates, and its scores: by column, unit and label."""
    cell = run.about["cells"][k]["cell"]
    units, scores = (
        table[(table["cell"] == cell) & table["unit"].map(lambda name: str(name).rpartition("/")[0] in parts)]
        for table in (run.units, run.scores)
    )
    labels = {str(label["name"]): i for i, label in enumerate(run.about["labels"])}
    names = {str(name): i for i, name in enumerate(units["unit"])}
    table = np.full((len(SCORES), len(names), len(labels)), np.nan)
    above = np.zeros((len(names), len(labels)), np.uint8)
    rows = np.array([names[str(name)] for name in scores["unit"]], int)
    columns = np.array([labels[str(name)] for name in scores["label"]], int)
    for i, column in enumerate(SCORES):
        table[i, rows, columns] = scores[column].to_numpy(float)
    above[rows, columns] = (scores["verdict"] == "above").to_numpy()
    said = {name: [number(value) for value in units[name]] for name in _UNIT}
    return {
        "units": {
            "unit": [clean(name) for name in names],
            "label": [labels.get(str(name), -1) for name in units["label"]],
            "above": [verdict == "above" for verdict in units["verdict"]],
            "used": [clean(used) if isinstance(used, str) else "" for used in units["used"]],
            **said,
        },
        "scores": box.put(fixed(table, SCORE, np.int16)),
        "above": box.put(above),
    }

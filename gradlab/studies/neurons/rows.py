"""What a reading comes to: the best unit of each label beside its controls, and each cell as a whole."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas

    from gradlab.studies.neurons.results import Reading

BINS = 5
"""Of a histogram of |score|, from 0 to 1."""


class DetectorRow(NamedTuple):
    """One label and the unit of one cell that follows it best."""

    cell: str
    label: str
    measure: str
    unit: str
    score: float
    """2 AUC - 1 or rank correlation, -1..1."""
    accuracy: float
    """Balanced; NaN for counts."""
    shifted: float
    untrained: float
    random: float
    same: float
    """Of the same unit before training; NaN of weights from elsewhere."""
    p: float
    above: bool
    """Above all three controls, in the whole text and in either half of it."""
    many: int
    """Units that are above them."""
    half_life: float
    transport: float
    """Infinite beyond the steps that are followed; NaN where it is not measured."""
    inside: float
    inside_low: float
    inside_high: float
    outside: float
    used: str


class CellRow(NamedTuple):
    """One cell."""

    cell: str
    hidden: int
    parameters: int
    updates: int
    """Of the best checkpoint; 0 if none is better than the start, and of weights from elsewhere."""
    bits: float
    untrained_bits: float
    reach: float
    """NaN beyond `lags`."""
    lags: int
    memory: str
    unread: float
    """Share of the memory's units of which no label is read."""
    histogram: tuple[tuple[int, int], ...]
    """Of the memory's units by |score| of their own label: (all, above their controls) by bin."""
    is_given: bool = False
    """Whether its weights were trained elsewhere: then no text is known to be held out from them."""


def detectors(run: "Reading") -> list[DetectorRow]:
    """One row per (cell, label), in the order of the run."""
    scores = {(one["cell"], one["label"], one["unit"]): one for one in _records(run.scores)}
    units = {(one["cell"], one["unit"]): one for one in _records(run.units)}
    found = []
    for one in _records(run.detectors):
        cell, label, unit = one["cell"], one["label"], one["unit"]
        score, own = scores[cell, label, unit], units[cell, unit]
        every = [row for key, row in scores.items() if key[:2] == (cell, label)]
        found.append(
            DetectorRow(
                cell,
                label,
                score["measure"],
                unit,
                score["score"],
                score["accuracy"],
                score["shifted"],
                score["untrained"],
                score["random"],
                score["same"],
                score["p"],
                score["verdict"] == "above",
                sum(row["verdict"] == "above" for row in every),
                own["half_life"],
                own["transport"],
                one["inside"],
                one["inside_low"],
                one["inside_high"],
                one["outside"],
                one["used"],
            )
        )
    return found


def _records(table: "pandas.DataFrame") -> list[dict[str, Any]]:
    """The rows of a table."""
    columns = {str(name): table[name].tolist() for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def is_given(about: dict[str, Any]) -> bool:
    """Whether a run has read with weights from a file."""
    return "weights" in about["settings"]


def cells(run: "Reading") -> list[CellRow]:
    """One row per cell."""
    found = []
    for one in run.cells:
        memory = one["memory"] if one["memory"] in one["leaves"] else one["leaves"][0]
        mine = run.units[(run.units["cell"] == one["cell"]) & run.units["unit"].str.startswith(f"{memory}/")]
        sizes = np.minimum(np.abs(mine["score"].to_numpy(np.float64)) * BINS, BINS - 1).astype(int)
        read = (mine["verdict"] == "above").to_numpy()
        bins = tuple((int((sizes == i).sum()), int((read & (sizes == i)).sum())) for i in range(BINS))
        found.append(
            CellRow(
                one["cell"],
                one["hidden"],
                one["parameters"],
                one["updates"],
                one["bits"],
                one["untrained_bits"],
                math.nan if one["reach"] is None else one["reach"],
                one["lags"],
                memory,
                1 - float(read.mean()),
                bins,
                is_given(run.about),
            )
        )
    return found

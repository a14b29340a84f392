"""What a reading comes to: the best unit of each label beside its controls, and each cell as a whole."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
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
    """Of the same unit before training."""
    p: float
    above: bool
    """Above all three controls, in the whole text and in either half of it."""
    count: int
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
    """Of the best checkpoint."""
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


def detectors(run: "Reading") -> list[DetectorRow]:
    """One row per (cell, label), in the order of the run."""
    scores = run.scores.set_index(["cell", "label", "unit"]).sort_index()
    units = run.units.set_index(["cell", "unit"]).sort_index()
    above = run.scores[run.scores["verdict"] == "above"].groupby(["cell", "label"]).size()
    found = []
    for one in run.detectors.to_dict("records"):
        cell, label, unit = str(one["cell"]), str(one["label"]), str(one["unit"])
        score = scores.loc[(cell, label, unit)]
        own = units.loc[(cell, unit)]
        numbers = ("score", "accuracy", "shifted", "untrained", "random", "same", "p")
        found.append(
            DetectorRow(
                cell,
                label,
                str(score["measure"]),
                unit,
                *(float(score[name]) for name in numbers),
                bool(score["verdict"] == "above"),
                int(above.get((cell, label), 0)),
                float(own["half_life"]),
                float(own["transport"]),
                *(float(one[name]) for name in ("inside", "inside_low", "inside_high", "outside")),
                str(one["used"]),
            )
        )
    return found


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
            )
        )
    return found

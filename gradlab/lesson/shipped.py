"""What chapter 7 is told from: stored runs of `gradlab neurons`, as documents and a passage of each text.

`shipped.json` is made from runs by `.ci/lesson.py`; a test holds it to the tables of `results/`.
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gradlab import specs
from gradlab.errors import GradlabError
from gradlab.studies.neurons import results, table
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import DetectorRow, detectors
from gradlab.studies.neurons.settings import Neurons

FILE = Path(__file__).parent / "shipped.json"
LONG, STRIPS, LEAST = 320, 3, 0.1
"""Characters of a passage, units along it, and the share of it that each of their labels has and has not."""
EVERY, BEFORE = 40, 12
"""Characters from one guess that is shown to the next, and those that are shown before it."""


def read() -> dict[str, Any]:
    """The facts of each run by its name."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def of_runs(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """The facts of runs, as those that ship.

    Raises:
      GradlabError: for what is no whole run of `gradlab neurons`, and for one of several cells.
    """
    found = []
    for folder in folders:
        run = results.read(folder)
        if len(run.cells) > 1:
            cells = ", ".join(one["cell"] for one in run.cells)
            raise GradlabError(
                str(folder), f"holds {len(run.cells)} cells, {cells}; the chapter tells of one"
            )
        found.append(facts(run))
    return found


def facts(run: Reading) -> dict[str, Any]:
    """What is shipped of a run of one cell: plain JSON values."""
    return {
        "command": command(run.about["settings"]),
        "document": table.document(run),
        "passage": (found := passage(run)),
        "guesses": guesses(run, found["start"]),
    }


def command(settings: dict[str, Any]) -> str:
    """The command that asks for a run again: what differs from the defaults is spelled out.

    >>> command({"cell": ["lstm"], "hidden": 64, "T": 128, "lr": [0.01]})
    'gradlab neurons --hidden 64 --lr 0.01'
    """
    words = ["gradlab", "neurons"]
    described = specs.described(Neurons)
    for one in dataclasses.fields(Neurons):
        given = settings.get(one.name, one.default)
        value = tuple(given) if isinstance(given, list) else given
        if value == one.default:
            continue
        setting = described[one.name][1]
        for text in value if setting.each else [specs.written(value)]:
            words += [text] if one.name == "text" else [specs.flag(one.name, setting), text]
    return shlex.join(words)


def chosen(run: Reading) -> list[DetectorRow]:
    """The labels that stand highest above their controls, each with a unit of its own, at most `STRIPS`."""
    found: list[DetectorRow] = []
    margin = lambda row: abs(row.score) - max(row.shifted, row.untrained, row.random)
    for row in sorted((row for row in detectors(run) if row.above), key=margin, reverse=True):
        if row.unit not in [one.unit for one in found] and len(found) < STRIPS:
            found.append(row)
    return found


def passage(run: Reading) -> dict[str, Any]:
    """A passage, and along it the units of `chosen`: -1 to 1.

    It is the first one from the beginning of a line on in which each label (a count: above its median) is at
    some places and not at others; no unit is looked at to choose it.
    """
    rows = chosen(run)
    names = [one["name"] for one in run.about["labels"]]
    values = run.norms["labels"].values
    labels = [
        values[i] > (0 if run.about["labels"][i]["kind"] == "binary" else np.median(values[i]))
        for i in (names.index(row.label) for row in rows)
    ]
    start = _start(run.text, np.stack(labels)) if labels else 0
    here = slice(start, start + LONG)
    return {
        "start": start,
        "text": run.text[here],
        "units": [
            {"label": row.label, "unit": row.unit, "values": along(run, row)[here].round(2).tolist()}
            for row in rows
        ],
    }


def guesses(run: Reading, start: int) -> dict[str, Any]:
    """What the network expected at every `EVERY`th character of the passage; how often that came, in all.

    Each has what was read before, the likeliest next characters with their probabilities, which came, and its
    rank among all characters. `counted` are the characters read, `first` and `among` how many of the next
    ones were the likeliest and among those that are kept.
    """
    vocabulary, arrays = run.about["vocabulary"], run.norms
    top, odds, place = (arrays[f"cell0_{name}"].values for name in ("top", "probability", "place"))
    # What comes after the last character is not known.
    ranks, few = place[:-1], top.shape[1]
    ends = range(start + EVERY - 1, min(start + LONG, len(place)) - 1, EVERY)
    return {
        "counted": len(ranks),
        "first": int((ranks == 1).sum()),
        "among": int((ranks <= few).sum()),
        "shown": [
            {
                "before": run.text[max(0, at + 1 - BEFORE) : at + 1],
                "guesses": [vocabulary[code] for code in top[at].tolist()],
                "odds": odds[at].astype(float).round(2).tolist(),
                "came": run.text[at + 1],
                "rank": int(place[at]),
            }
            for at in ends
        ],
    }


def _start(text: str, labels: NDArray[np.bool_]) -> int:
    begins = [0, *(i + 1 for i, letter in enumerate(text) if letter == "\n")]
    for start in (begin for begin in begins if begin + LONG <= len(text)):
        shares = labels[:, start : start + LONG].mean(axis=1)
        if (np.minimum(shares, 1 - shares) >= LEAST).all():
            return start
    return 0


def along(run: Reading, row: DetectorRow) -> NDArray[np.float64]:
    """Where a unit's values lie among all that it has on the shown text, from -1, the lowest, to 1.

    Turned round if the score is negative: high then says yes. A score sees no more of a unit than this order.
    """
    leaf, _, number = row.unit.rpartition("/")
    name = f"cell0_gate_{leaf}" if leaf in run.cells[0]["gates"] else f"cell0_{leaf}"
    values = run.norms[name].values[:, int(number)]
    place: NDArray[np.float64] = 2 * (rankdata(values) - 1) / (len(values) - 1) - 1
    return place if row.score >= 0 else -place

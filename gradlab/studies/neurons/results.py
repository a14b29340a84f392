"""A finished reading: the tables of scores and units, and the shown text with what the cells did along it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from gradlab.errors import GradlabError
from gradlab.runs import contents, csv_tables, readers
from gradlab.studies.neurons import arrays

if TYPE_CHECKING:
    import pandas
    import xarray

FILES = ("scores.csv", "units.csv", "detectors.csv", "training.csv", "units.nc")
SCORES = ("score", "accuracy", "first", "second", "shifted", "p", "untrained", "same", "random")
HELD = ("inside", "inside_low", "inside_high", "outside")
UNITS = ("score", "half_life", "transport", "left", "right", *HELD)
VERDICTS = ("above", "not above")
USED = ("used", "not shown", "")
CURVES = ("train_bits", "validation_bits")


@final
@dataclass(frozen=True)
class Reading:
    """What the folder of a reading holds."""

    about: dict[str, Any]
    scores: "pandas.DataFrame"
    """`scores.csv`: one row per (cell, unit, label)."""
    units: "pandas.DataFrame"
    """`units.csv`: one row per (cell, unit)."""
    detectors: "pandas.DataFrame"
    """`detectors.csv`: one row per (cell, label), of its best unit."""
    curves: "pandas.DataFrame"
    """`training.csv`: one row per (cell, update, metric)."""
    norms: "xarray.Dataset"
    """`units.nc`: text, units along it, predictions and weights."""

    @property
    def cells(self) -> list[dict[str, Any]]:
        """What is said of each cell, in the order of the run."""
        found: list[dict[str, Any]] = self.about["cells"]
        return found

    @property
    def text(self) -> str:
        """The shown text."""
        vocabulary = self.about["vocabulary"]
        return "".join(vocabulary[code] for code in self.norms["codes"].values.tolist())


def write(folder: Path, run: Reading) -> list[Path]:
    """Write a reading's files, `run.json` last; the errors are those of `contents.write`."""
    made = {
        "scores.csv": contents.csv(run.scores, run.about),
        "units.csv": contents.csv(run.units, run.about),
        "detectors.csv": contents.csv(run.detectors, run.about),
        "training.csv": contents.csv(run.curves, run.about),
        "units.nc": contents.netcdf(run.norms),
    }
    return contents.write(folder, run.about, made)


def read(path: Path) -> Reading:
    """Read a reading from its folder; the errors are those of `contents.read`."""
    folder = contents.home(path)
    about, held = contents.read(folder, FILES)
    if about.get("command") != "neurons":
        raise GradlabError(str(folder), "is no run of gradlab neurons")
    labels = [one["name"] for one in about["labels"]]
    cells = [one["cell"] for one in about["cells"]]
    names = [f"{leaf}/{k}" for one in about["cells"] for leaf in _leaves(one) for k in range(one["hidden"])]
    key = {
        "cell": readers.one_of(cells, "cell of the run"),
        "unit": readers.one_of(names, "unit of the run"),
    }
    label = readers.one_of(labels, "label of the run")
    scores = csv_tables.read(
        held["scores.csv"],
        str(folder / "scores.csv"),
        key
        | {"label": label, "measure": readers.one_of(("auc", "correlation"), "measure")}
        | dict.fromkeys(SCORES, readers.number)
        | {"verdict": readers.one_of(VERDICTS, "verdict")},
        ["cell", "unit", "label"],
    )
    units = csv_tables.read(
        held["units.csv"],
        str(folder / "units.csv"),
        key
        | {"label": label, "verdict": readers.one_of(VERDICTS, "verdict")}
        | dict.fromkeys(UNITS, readers.loss)
        | {"used": readers.one_of(USED, "word for use")},
        ["cell", "unit"],
    )
    detectors = csv_tables.read(
        held["detectors.csv"],
        str(folder / "detectors.csv"),
        {"cell": key["cell"], "label": label, "unit": key["unit"]}
        | dict.fromkeys(HELD, readers.number)
        | {"used": readers.one_of(USED, "word for use")},
        ["cell", "label"],
    )
    curves = csv_tables.read(
        held["training.csv"],
        str(folder / "training.csv"),
        {
            "cell": key["cell"],
            "update": readers.whole(1),
            "metric": readers.one_of(CURVES, "metric"),
            "value": readers.loss,
        },
        ["cell", "update", "metric"],
    )
    wanted = sum(one["hidden"] * len(_leaves(one)) for one in about["cells"])
    counts = len(units), len(scores), len(detectors)
    if counts != (wanted, wanted * len(labels), len(cells) * len(labels)):
        what = f"has {len(units)} units and {len(scores)} scores, where run.json says {wanted} units"
        raise GradlabError(str(folder / "units.csv"), f"{what}; run the command again")
    norms = arrays.read(held["units.nc"], str(folder / "units.nc"), about)
    numbers = dict.fromkeys((*SCORES, *UNITS), float)
    tables = [
        table.astype({name: kind for name, kind in numbers.items() if name in table})
        for table in (scores, units, detectors)
    ]
    return Reading(about, tables[0], tables[1], tables[2], curves.astype({"value": float}), norms)


def _leaves(cell: dict[str, Any]) -> list[str]:
    return [*cell["leaves"], *cell["gates"]]

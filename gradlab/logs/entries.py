"""What a tracker is told of a run, whichever it is: read off the run's own tables, in one place."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from gradlab.report import sources, verdict
from gradlab.studies import base
from gradlab.studies.sweep import probed, results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.updates import trained

if TYPE_CHECKING:
    import pandas

    from gradlab.findings.finding import Finding

NAMES = ("arm", "cell", "init", "label")
"""Columns that say what a row is of, in the order in which they are named; then comes w_rec."""
AXES = ("T", "w_rec")
"""Columns of numbers that say it, too."""
PROFILE = "profile"
"""The column of a row with log10 norms by lag; `of` says of what."""
NORM = "_norm"
"""What curves of norms end with. They are log10 already, which their name in a tracker says."""


Axis = Literal["T", "update", "lag"]
CHANGING = ("model_digest", "data_digest")
"""Settings of a training's run that each look changes: they are known at its end."""


class Point(NamedTuple):
    """One number of a series."""

    name: str
    """`rate/lstm orthogonal w_rec=0.9`"""
    step: int
    """T of a row, the update of a training, the lag of a profile."""
    value: float
    axis: Axis
    """What the step is, which a tracker calls its axis."""


class Entries(NamedTuple):
    """All that a tracker is told of a run."""

    name: str
    digest: str
    """Of name and `run.json`: the same run is told of once."""
    settings: dict[str, str | int | float | bool]
    points: list[Point]
    tags: dict[str, str]
    """The command, how many rows have which regime, and what became of each claim."""
    verdict: str
    table: str
    """As the terminal shows it, in ASCII."""
    figures: list[Path]


def of(run: Any, folder: Path, found: "Sequence[Finding]" = ()) -> Entries:
    """What is told of the run in a folder, and of its claims."""
    study = base.of_run(run)
    content = (folder / "run.json").read_bytes()
    rows = study.rows(run)
    tags = {"command": f"gradlab {study.name}", "gradlab": str(run.about["versions"]["gradlab"])}
    stored = dict(run.about["settings"])
    if trained(run.norms):
        tags |= {name: str(stored.pop(name)) for name in CHANGING}
    if "regime" in rows:
        tags["regimes"] = ", ".join(f"{n} {word}" for word, n in sorted(Counter(rows["regime"]).items()))
    return Entries(
        folder.name,
        hashlib.sha256(f"{folder.name}\n".encode() + content).hexdigest()[:16],
        settings(stored),
        [*points(run)],
        tags | {f"claim: {one.text}": one.status for one in found},
        verdict.verdict(sources.of(run, folder.name)),
        study.table(run, 110, unicode=False, color=False).plain,
        sorted((folder / "figures").glob("*.png")),
    )


def settings(stored: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Settings as trackers take them: several values as text, with commas between.

    >>> settings({"T": [50, 200], "hidden": 4, "optimizer": None})
    {'T': '50, 200', 'hidden': 4, 'optimizer': ''}
    """
    told: dict[str, str | int | float | bool] = {}
    for name, value in stored.items():
        if isinstance(value, list | tuple):
            told[name] = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
        else:
            told[name] = (
                value if isinstance(value, str | int | float) else "" if value is None else str(value)
            )
    return told


def points(run: Any) -> Iterator[Point]:
    """Rows of the run's table, entries of its probes and curves of its trainings; NaN is left out."""
    updates = trained(run.norms)
    axis: Axis = "update" if updates else "T"
    for table in _tables(run):
        for row in table.to_dict("records"):
            label, step = _place(row, updates)
            for name, value in _numbers(row):
                if name not in AXES:
                    yield from _point(f"{name}/{label}", step, value, axis)
            if PROFILE in row:
                series = f"log10_{row['of']}/{label} {axis}={step}"
                for lag, value in enumerate(np.asarray(row[PROFILE]).tolist()):
                    yield from _point(series, lag, value, "lag")
    if isinstance(run, Run):
        groups = results.groups(run)
        places = [_place(row.record(), updates) for row in groups]
        for entry in probed.document(run, groups):
            for (label, step), value in zip(places, entry["values"], strict=True):
                number = math.nan if value is None else value
                yield from _point(f"{entry['name']}/{label}", step, number, axis)
    if hasattr(run, "curves"):
        yield from _curves(run.curves)


def _tables(run: Any) -> "Iterator[pandas.DataFrame]":
    """The rows of a run; of a sweep those of each T, as the run of that T alone would have them."""
    if not isinstance(run, Run):
        yield base.of_run(run).rows(run)
        return
    for T in run.norms["T"].values.tolist():
        some = run.norms.sel(T=[T]).isel(lag=slice(0, T + 1))
        yield results.summary(run.metrics[run.metrics["T"] == T], some)


def _place(row: Mapping[Any, Any], updates: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    """What a row is of, and its step: T, or the update at which a training was looked at."""
    named = [str(row[name]) for name in NAMES if row.get(name)]
    step = int(row.get("T", 0))
    if row.get("cell") in updates:
        network, step = updates[row["cell"]]
        named = [network if name == row["cell"] else name for name in named]
    gain = row.get("w_rec", math.nan)
    return " ".join(named if math.isnan(gain) else [*named, f"w_rec={gain:g}"]), step


def _numbers(row: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a row by column; those of an interval or a share by `column.field`."""
    for name, value in row.items():
        if hasattr(value, "_asdict"):
            yield from ((f"{name}.{field}", number) for field, number in _numbers(value._asdict()))
        elif isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_):
            yield name, float(value)


def _curves(curves: "pandas.DataFrame") -> Iterator[Point]:
    """The evaluations of a training by update, of each network its own series."""
    keys = [name for name in curves.columns if name not in ("update", "metric", "value")]
    for row in curves.to_dict("records"):
        label = " ".join(
            f"{row[key]}" if isinstance(row[key], str) else f"{key}={row[key]:g}" for key in keys
        )
        metric = f"log10_{row['metric']}" if str(row["metric"]).endswith(NORM) else row["metric"]
        yield from _point(f"training {metric}/{label}", int(row["update"]), float(row["value"]), "update")


def _point(name: str, step: int, value: float, axis: Axis) -> Iterator[Point]:
    if not math.isnan(value):
        yield Point(name, step, value, axis)

"""Result files: the only place that reads and writes them.

A run is a folder: `norms.nc` (labelled log10 norms), `metrics.csv` (tidy, one row per number) and `run.json`
(settings, versions and the digests of the other two), written last, so that a folder with a `run.json`
is whole. Equal results give equal bytes.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.metrics import every, measured
from gradlab.metrics import held as of_run
from gradlab.profiles import STEEPEST, Measured, backward_leaves
from gradlab.runs import contents, csv_tables, readers
from gradlab.states import FORWARD_NONFINITE, STATES, UNDEFINED
from gradlab.studies.sweep import columns
from gradlab.studies.sweep import rows as summaries
from gradlab.studies.sweep.rows import PointRow

if TYPE_CHECKING:
    import pandas
    import xarray

FILES = ("metrics.csv", "norms.nc")
"""Beside `run.json`."""
COLUMNS = ("cell", "init", "w_rec", "T", "seed", "part", "metric", "value", "state")

_TEXT = ("cell", "init", "part", "metric", "state")
_POINT = ["cell", "init", "w_rec", "T", "seed"]


@final
@dataclass(frozen=True)
class Run:
    """What a run folder holds: `run.json`, `metrics.csv` and `norms.nc`."""

    about: dict[str, Any]
    metrics: "pandas.DataFrame"
    norms: "xarray.Dataset"


def metrics(norms: "xarray.Dataset", without: Collection[str] = ()) -> "pandas.DataFrame":
    """The tidy table of a dataset's metrics: one row per (cell, init, w_rec, T, seed, part, metric).

    `value` is NaN unless `state` is ok; rates in decades per step of lag, horizons in steps. A part that a
    cell does not have gives no row. What further probes have measured comes after the metrics, without cells
    of which it is always undefined; see `columns`.
    Those `without` are left out.
    """
    parts = list(map(str, norms["part"].values))
    has = (norms["transport_frobenius_state"] != UNDEFINED).any([*_POINT[1:], "lag"])
    owned = dict(zip(parts, has.transpose("part", "cell").values, strict=True))
    whole = np.ones(norms.sizes["cell"], bool)
    names = [metric.name for metric in every()]
    pieces = [
        _rows(found, (parts.index(part), names.index(name)), whole if part == "state" else owned[part])
        for (name, part), found in measured(norms, without).items()
    ]
    entries = {one: at for one, at in columns.entries(norms).items() if one.name not in without}
    pieces += _entries(norms, entries, len(names))
    return _tidy(norms, pieces, [*names, *(entry.name for entry in entries)])


def further(norms: "xarray.Dataset", kept: Mapping[str, Sequence[columns.Label]]) -> "pandas.DataFrame":
    """The rows that `metrics` has of what further probes have measured, of the entries that are `kept`."""
    entries = columns.entries(norms, kept)
    return _tidy(norms, _entries(norms, entries, 0), [entry.name for entry in entries])


_Piece = tuple[list[NDArray[Any]], NDArray[np.float64], NDArray[np.int8]]
"""Places, values and states of a metric."""


def _entries(
    norms: "xarray.Dataset", entries: Mapping[columns.Entry, Sequence[int]], first: int
) -> list[_Piece]:
    """The entries as pieces, numbered from `first`, without cells of which they are always undefined."""
    state = norms["part"].values.tolist().index("state")
    pieces = []
    for i, (entry, lengths) in enumerate(entries.items()):
        found = columns.measured(norms, entry)
        known = (found.state != UNDEFINED).any(axis=(1, 2, 3, 4))
        pieces.append(_rows(found, (state, first + i), known, lengths))
    return pieces


def _tidy(norms: "xarray.Dataset", pieces: Sequence[_Piece], names: Sequence[str]) -> "pandas.DataFrame":
    """Pieces as one table, by point, part and metric."""
    import pandas as pd

    parts = list(map(str, norms["part"].values))
    places = [np.concatenate([piece[0][i] for piece in pieces]) for i in range(len(_POINT) + 2)]
    by_place = np.lexsort(places[::-1])
    axes = [norms[name].values for name in _POINT]
    table: dict[str, Any] = {
        name: np.asarray(axis)[at[by_place]] for name, axis, at in zip(_POINT, axes, places, strict=False)
    }
    table["part"] = np.array(parts, object)[places[5][by_place]]
    table["metric"] = np.array(names, object)[places[6][by_place]]
    table["value"] = np.concatenate([piece[1] for piece in pieces])[by_place]
    table["state"] = np.array(STATES, object)[np.concatenate([piece[2] for piece in pieces])[by_place]]
    return pd.DataFrame(table).astype(dict.fromkeys(_TEXT, str))


def _rows(
    found: Measured, order: tuple[int, int], cells: NDArray[np.bool_], lengths: Sequence[int] | None = None
) -> _Piece:
    """Places, values and states of a metric, of some cells and lengths; `order` is of part and metric."""
    asked = [lengths is None or t in lengths for t in range(found.value.shape[3])]
    kept = np.broadcast_to(cells[:, None, None, None, None] & np.array(asked)[:, None], found.value.shape)
    places = [*np.nonzero(kept), *(np.full(kept.sum(), i) for i in order)]
    return places, found.value[kept], found.state[kept]


def groups(source: "Run | pandas.DataFrame", norms: "xarray.Dataset | None" = None) -> list[PointRow]:
    """Every (cell, init, w_rec) at the longest T, from a run, or a table of metrics and its norms."""
    if isinstance(source, Run):
        norms, source = source.norms, source.metrics
    if norms is None:
        raise TypeError("a table of metrics needs the norms it was made from")
    at = int(norms["T"].values.argmax())
    longest = {}
    held = set(source["metric"].unique())
    for name in (metric.name for metric in every() if metric.name in held):
        value, state = grid(source, norms, name)
        longest[name] = Measured(value[..., at, :], state[..., at, :])
    return summaries.groups(norms, longest)


def summary(source: "Run | pandas.DataFrame", norms: "xarray.Dataset | None" = None) -> "pandas.DataFrame":
    """The rows of `groups` as a table, with the columns of `rows.PointRow` and one per metric."""
    import pandas as pd

    return pd.DataFrame([row.record() for row in groups(source, norms)])


def grid(table: "pandas.DataFrame", norms: "xarray.Dataset", metric: str, part: str = "state") -> Measured:
    """One metric of a tidy table as arrays `(cell, init, w_rec, T, seed)`; a row not there is undefined."""
    table = table[(table["metric"] == metric) & (table["part"] == part)]
    shape = tuple(norms.sizes[name] for name in _POINT)
    found = Measured(np.full(shape, np.nan), np.full(shape, UNDEFINED, np.int8))
    at = tuple(table[name].map(_places(norms[name].values.tolist())).to_numpy(np.intp) for name in _POINT)
    found.value[at] = table["value"].to_numpy(np.float64)
    found.state[at] = table["state"].map(_places(STATES)).to_numpy(np.int8)
    return found


def mean_rates(run: Run) -> NDArray[np.float64]:
    """The mean rate over seeds, `(cell, init, w_rec, T)`, as a summary has it.

    A seed without a rate is left out; NaN where a seed's forward pass is not finite: the others would be the
    mean of the survivors.
    """
    rates = grid(run.metrics, run.norms, "rate")
    known = ~np.isnan(rates.value)
    count = np.where((rates.state == FORWARD_NONFINITE).any(-1), 0, known.sum(-1))
    total = np.where(known, rates.value, 0.0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _places(labels: Sequence[Any]) -> dict[Any, int]:
    return {label: i for i, label in enumerate(labels)}


def failures(table: "pandas.DataFrame", norms: "xarray.Dataset") -> list[dict[str, Any]]:
    """The points with a pass that is not finite: which pass, the step it comes to first, and the leaves."""
    axes = ["cell", "init", "w_rec", "T", "seed"]
    whole = table["part"] == "state"
    forward = table[whole & (table["metric"] == "rate") & (table["state"] == "forward_nonfinite")]
    backward = table[whole & (table["metric"] == "backward_nonfinite_step") & (table["state"] == "ok")]
    found: list[dict[str, Any]] = []
    for row in forward.to_dict("records"):
        point = {axis: row[axis] for axis in axes}
        found.append(point | {"pass": "forward", "step": int(norms["nonfinite_step"].sel(point).item())})
    leaves = backward_leaves(norms) if len(backward) else {}
    for row in backward.to_dict("records"):
        point = {axis: row[axis] for axis in axes}
        place = tuple(norms[axis].values.tolist().index(label) for axis, label in point.items())
        found.append(point | {"pass": "backward", "step": int(row["value"]), "leaves": list(leaves[place])})
    return found


def write(folder: Path, run: Run) -> list[Path]:
    """Write a run's files; `run.json` is `run.about` with `schema` and the digests of the others added.

    `failures.jsonl`, one line per failed point, is written only if there are any. Each file appears whole or
    not at all, `run.json` last. Raises `GradlabError` with `Exit.STORAGE` if the file system refuses.
    """
    return contents.write(folder, run.about, files(run))


def files(run: Run) -> dict[str, bytes]:
    """What is in a run's files, beside `run.json`."""
    made = {"metrics.csv": contents.csv(run.metrics, run.about), "norms.nc": contents.netcdf(run.norms)}
    failed = failures(run.metrics, run.norms)
    if failed:
        lines = [json.dumps(line, allow_nan=False) + "\n" for line in failed]
        made["failures.jsonl"] = "".join(lines).encode()
    return made


def read(path: Path) -> Run:
    """Read a run from its folder or its `run.json`.

    Raises `GradlabError` if there is no run, it is of another schema or of another command, or a file is
    missing, not the one that was written, or holds what a run with these settings cannot.
    """
    folder = contents.home(path)
    about, held = contents.read(folder, FILES)
    if about.get("command", "sweep") != "sweep":
        raise GradlabError(str(folder), f"is a run of {about['command']}, not of a sweep")
    return of_files(folder, about, held, about["settings"])


def of_files(folder: Path, about: dict[str, Any], held: Mapping[str, bytes], axes: Mapping[str, Any]) -> Run:
    """The run in the files of a folder, whose arrays and table are on these axes."""
    from gradlab.studies import norms

    arrays = norms.swept(held["norms.nc"], str(folder / "norms.nc"), axes)
    further = [*about.get("metrics", ()), *(entry.name for entry in columns.entries(arrays))]
    table = _table(held["metrics.csv"], str(folder / "metrics.csv"), axes, arrays, further)
    return Run(about, _completed(table, arrays), arrays)


def _completed(table: "pandas.DataFrame", norms: "xarray.Dataset") -> "pandas.DataFrame":
    """The table with the metrics that were added since it was written: the norms say what they are."""
    import pandas as pd

    held = set(table["metric"].unique())
    known = {*(metric.name for metric in of_run(norms)), *(entry.name for entry in columns.entries(norms))}
    added = None if known <= held else metrics(norms, held)
    return table if added is None or added.empty else pd.concat([table, added], ignore_index=True)


def _table(
    content: bytes,
    where: str,
    settings: Mapping[str, Any],
    norms: "xarray.Dataset",
    further: Sequence[str] = (),
) -> "pandas.DataFrame":
    """The table of a run with these settings: only points that it has, and a rate at each of them.

    `further` names metrics that the run holds beside those that are known here.
    """
    entries = {
        "cell": readers.one_of(settings["cell"], "cell of the run"),
        "init": readers.one_of(settings["init"], "initialiser of the run"),
        "w_rec": readers.one_of(map(float, settings["w_rec"]), "w_rec of the run"),
        "T": readers.one_of(settings["T"], "T of the run"),
        "seed": readers.whole(0, settings["seeds"] - 1),
        "part": readers.one_of(norms["part"].values.tolist(), "part of a state"),
        "metric": readers.one_of([*(metric.name for metric in every()), *further], "metric"),
        "value": readers.number,
        "state": readers.one_of(STATES, "state"),
    }
    table = csv_tables.read(content, where, entries, [*_POINT, "part", "metric"])
    odd = (table["state"] == "ok") == table["value"].isna()
    if odd.any():
        line = int(np.argmax(odd.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", "has a value without the state ok, or the other way round")
    bounded = table["metric"].isin([metric.name for metric in every() if metric.bounded])
    far = bounded & (table["value"].abs() > STEEPEST * (max(settings["T"]) + 1))
    if far.any():
        line = int(np.argmax(far.to_numpy())) + 2
        raise GradlabError(
            f"{where}:line {line}.value", "is beyond what a sequence of that many steps reaches"
        )
    points = int(np.prod([norms.sizes[axis] for axis in _POINT]))
    found = int(((table["metric"] == "rate") & (table["part"] == "state")).sum())
    if found != points:
        what = f"has a rate of {found} of the run's {points} networks; run the command again"
        raise GradlabError(where, what)
    return table.astype(dict.fromkeys(_TEXT, str) | {"value": float, "w_rec": float})

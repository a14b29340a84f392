"""Result files: the only place that reads and writes them.

A run is a folder: `norms.nc` (labelled log10 norms), `metrics.csv` (tidy, one row a number) and `run.json`
(settings, versions and the digests of the other two), written last, so that a folder with a `run.json`
is whole. Equal results give equal bytes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from gradlab import memory
from gradlab.errors import GradlabError
from gradlab.metrics.profiles import METRICS, STEEPEST, Metric, measured
from gradlab.runs import csv_tables, files
from gradlab.runs.files import replace, storage
from gradlab.states import FORWARD_NONFINITE, STATES, UNDEFINED
from gradlab.studies.sweep import rows as summaries
from gradlab.studies.sweep.rows import Group

if TYPE_CHECKING:
    import pandas
    import xarray

SCHEMA = "gradlab.run/1"
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


def metrics(norms: "xarray.Dataset") -> "pandas.DataFrame":
    """The tidy table of a dataset's metrics: one row a (cell, init, w_rec, T, seed, part, metric).

    `value` is NaN unless `state` is ok; rates in decades per step of lag, horizons in steps. A part that a
    cell does not have gives no row.
    """
    import pandas as pd

    found = measured(norms)
    axes = [norms[name].values for name in _POINT]
    has = (
        (norms["transport_frobenius_state"] != UNDEFINED).any([*_POINT[1:], "lag"]).transpose("cell", "part")
    )
    owned = dict(zip(map(str, norms["part"].values), has.values.T, strict=True))
    blocks = []
    for (name, part), metric in found.items():
        kept = owned[part] | (part == "state")
        value = metric.value[kept]
        grid = np.meshgrid(np.flatnonzero(kept), *(np.arange(len(a)) for a in axes[1:]), indexing="ij")
        order = [list(owned).index(part), METRICS.index(name)]
        places = [g.ravel() for g in grid] + [np.full(value.size, i) for i in order]
        blocks.append((places, value.ravel(), metric.state[kept].ravel()))
    places = [np.concatenate([block[0][i] for block in blocks]) for i in range(7)]
    by_place = np.lexsort(places[::-1])
    columns: dict[str, Any] = {
        name: np.asarray(axis)[at[by_place]] for name, axis, at in zip(_POINT, axes, places, strict=False)
    }
    columns["part"] = np.array(list(owned), object)[places[5][by_place]]
    columns["metric"] = np.array(METRICS, object)[places[6][by_place]]
    columns["value"] = np.concatenate([block[1] for block in blocks])[by_place]
    columns["state"] = np.array(STATES, object)[np.concatenate([block[2] for block in blocks])[by_place]]
    return pd.DataFrame(columns).astype(dict.fromkeys(_TEXT, str))


def groups(source: "Run | pandas.DataFrame", norms: "xarray.Dataset | None" = None) -> list[Group]:
    """Every (cell, init, w_rec) at the longest T, from a run, or a table of metrics and its norms."""
    if isinstance(source, Run):
        norms, source = source.norms, source.metrics
    if norms is None:
        raise TypeError("a table of metrics needs the norms it was made from")
    at = int(norms["T"].values.argmax())
    longest = {}
    for name in METRICS:
        value, state = grid(source, norms, name)
        longest[name] = Metric(value[..., at, :], state[..., at, :])
    return summaries.groups(norms, longest)


def summary(source: "Run | pandas.DataFrame", norms: "xarray.Dataset | None" = None) -> "pandas.DataFrame":
    """The rows of `groups` as a table, with the columns of `gradlab.studies.sweep.rows.Group`."""
    import pandas as pd

    return pd.DataFrame([row._asdict() for row in groups(source, norms)], columns=list(Group._fields))


def grid(table: "pandas.DataFrame", norms: "xarray.Dataset", metric: str, part: str = "state") -> Metric:
    """One metric of a tidy table as arrays `(cell, init, w_rec, T, seed)`; a row not there is undefined."""
    table = table[(table["metric"] == metric) & (table["part"] == part)]
    shape = tuple(norms.sizes[name] for name in _POINT)
    found = Metric(np.full(shape, np.nan), np.full(shape, UNDEFINED, np.int8))
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


def write(folder: Path, run: Run, failures: Sequence[dict[str, Any]] = ()) -> list[Path]:
    """Write a run's files; `run.json` is `run.about` with `schema` and the digests of the others added.

    `failures.jsonl`, one line a failed point, is written only if there are any. Each file appears whole or
    not at all, `run.json` last. Raises `GradlabError` with `Exit.STORAGE` if the file system refuses.
    """
    contents = {"metrics.csv": csv(run.metrics), "norms.nc": netcdf(run.norms)}
    if failures:
        contents["failures.jsonl"] = "".join(
            json.dumps(line, allow_nan=False) + "\n" for line in failures
        ).encode()
    return write_files(folder, run.about, contents)


def write_files(folder: Path, about: dict[str, Any], contents: dict[str, bytes]) -> list[Path]:
    """Write files and the `run.json` that holds their digests; the errors are those of `write`."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    about = about | {"schema": SCHEMA, "files": digests}
    contents = dict(contents)
    contents["run.json"] = (json.dumps(about, allow_nan=False, sort_keys=True, indent=1) + "\n").encode()
    with storage(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace(folder / name, content)
    return [folder / name for name in contents]


def read(path: Path) -> Run:
    """Read a run from its folder or its `run.json`.

    Raises `GradlabError` if there is no run, it is of another schema or of another command, or a file is
    missing, not the one that was written, or holds what a run with these settings cannot.
    """
    from gradlab.studies import norms

    folder = home(path)
    about, contents = read_files(folder, ("metrics.csv", "norms.nc"))
    if about.get("command", "sweep") != "sweep":
        raise GradlabError(str(folder), f"is a run of {about['command']}, not of a sweep")
    arrays = norms.swept(contents["norms.nc"], str(folder / "norms.nc"), about["settings"])
    table = _table(contents["metrics.csv"], str(folder / "metrics.csv"), about["settings"], arrays)
    return Run(about, table, arrays)


def home(path: Path) -> Path:
    """The folder of a run that may be named by its `run.json`."""
    return path.parent if path.name == "run.json" else path


def read_files(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`run.json` and some files of a run, each checked against its digest; the errors are those of `read`."""
    from gradlab.runs import manifest

    folder = home(path)
    about = manifest.read(folder)
    contents = {}
    for name in names:
        try:
            content = files.inside(folder, name, _largest(name))
        except OSError as error:
            raise files.unreadable(folder / name, error) from error
        if hashlib.sha256(content).hexdigest() != about["files"].get(name):
            raise GradlabError(
                str(folder / name), "is not the file that run.json describes; run the command again"
            )
        contents[name] = content
    return about, contents


def _largest(name: str) -> int:
    """Bytes of a file that are read: what its kind can have, and what there is memory for."""
    from gradlab.runs import hdf5

    kind = hdf5.LARGEST if name.endswith(".nc") else csv_tables.LARGEST
    return min(kind, memory.available_bytes() // 2)


def command(path: Path) -> str:
    """Which command has written a run: `sweep` or `remedies`."""
    from gradlab.runs import manifest

    return str(manifest.read(home(path)).get("command", "sweep"))


def csv(table: "pandas.DataFrame") -> bytes:
    """CSV whose floats read back exactly; text that a spreadsheet takes for a formula gets an apostrophe."""
    texts = [name for name in table.columns if not np.issubdtype(table[name].to_numpy().dtype, np.number)]
    safe = {
        name: table[name].map({text: csv_tables.escaped(text) for text in table[name].unique().tolist()})
        for name in texts
    }
    text: str = table.assign(**safe).to_csv(index=False, lineterminator="\n")
    return text.encode()


def _table(
    content: bytes, where: str, settings: dict[str, Any], norms: "xarray.Dataset"
) -> "pandas.DataFrame":
    """The table of a run with these settings: only points that it has, and a rate at each of them."""
    columns = {
        "cell": csv_tables.one_of(settings["cell"], "cell of the run"),
        "init": csv_tables.one_of(settings["init"], "initialiser of the run"),
        "w_rec": csv_tables.one_of(map(float, settings["w_rec"]), "w_rec of the run"),
        "T": csv_tables.one_of(settings["T"], "T of the run"),
        "seed": csv_tables.whole(0, settings["seeds"] - 1),
        "part": csv_tables.one_of(norms["part"].values.tolist(), "part of a state"),
        "metric": csv_tables.one_of(METRICS, "metric"),
        "value": csv_tables.number,
        "state": csv_tables.one_of(STATES, "state"),
    }
    table = csv_tables.read(content, where, columns, [*_POINT, "part", "metric"])
    odd = (table["state"] == "ok") == table["value"].isna()
    if odd.any():
        line = int(np.argmax(odd.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", "has a value without the state ok, or the other way round")
    far = table["value"].abs() > STEEPEST * (max(settings["T"]) + 1)
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


def netcdf(norms: "xarray.Dataset") -> bytes:
    """netCDF-4 bytes: compressed, no time stamps, so equal data give equal bytes."""
    encoding = {}
    for name, variable in norms.data_vars.items():
        chunks, room = [], 2**18
        for size in reversed(variable.shape):
            chunks.append(max(1, min(size, room)))
            room //= chunks[-1]
        packed = {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": tuple(reversed(chunks))}
        encoding[name] = packed if variable.ndim else {}
    return bytes(norms.to_netcdf(engine="h5netcdf", encoding=encoding))

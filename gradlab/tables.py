"""Result files: the only place that reads and writes them.

A run is a folder: `norms.nc` (labelled log10 norms), `metrics.csv` (tidy, one row a number) and `run.json`
(settings, versions and the digests of the other two), written last, so that a folder with a `run.json`
is whole. Equal results give equal bytes.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from gradlab import summary as summaries
from gradlab.files import replace, storage
from gradlab.profiles import METRICS, Metric, measured
from gradlab.states import FORWARD_NONFINITE, STATES, UNDEFINED
from gradlab.status import Exit, GradlabError, shown
from gradlab.summary import Group

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
    rows = np.lexsort(places[::-1])
    columns: dict[str, Any] = {
        name: np.asarray(axis)[at[rows]] for name, axis, at in zip(_POINT, axes, places, strict=False)
    }
    columns["part"] = np.array(list(owned), object)[places[5][rows]]
    columns["metric"] = np.array(METRICS, object)[places[6][rows]]
    columns["value"] = np.concatenate([block[1] for block in blocks])[rows]
    columns["state"] = np.array(STATES, object)[np.concatenate([block[2] for block in blocks])[rows]]
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
    """The rows of `groups` as a table, with the columns of `gradlab.summary.Group`."""
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

    Raises `GradlabError` if there is no run, it is of another schema, or a file is missing, unreadable or
    not the one that was written.
    """
    about, contents = read_files(path, ("metrics.csv", "norms.nc"))
    try:
        return Run(about, _table(contents["metrics.csv"]), dataset(contents["norms.nc"]))
    except (ValueError, KeyError, OSError) as error:
        raise GradlabError(str(path), f"cannot be read: {shown(str(error))}") from error


def read_files(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`run.json` and some files of a run, each checked against its digest; the errors are those of `read`."""
    folder = path.parent if path.name == "run.json" else path
    about = _about(folder)
    contents = {}
    for name in names:
        content = _bytes(folder / name)
        if hashlib.sha256(content).hexdigest() != about["files"].get(name):
            raise GradlabError(
                str(folder / name), "is not the file that run.json describes; run the command again"
            )
        contents[name] = content
    return about, contents


def command(path: Path) -> str:
    """Which command has written a run: `sweep` or `remedies`."""
    about = _about(path.parent if path.name == "run.json" else path)
    return str(about.get("command", "sweep"))


def _about(folder: Path) -> dict[str, Any]:
    place = folder / "run.json"
    if not folder.exists():
        raise GradlabError(str(folder), "no such folder; name one that `gradlab` has written")
    if not place.exists():
        raise GradlabError(
            str(folder), "holds no run.json, so no finished run; repeat the command that began it"
        )
    try:
        about = json.loads(_bytes(place))
    except ValueError as error:
        raise GradlabError(str(place), f"is not JSON: {shown(str(error))}") from error
    schema = about.get("schema") if isinstance(about, dict) else None
    number = re.fullmatch(r"gradlab\.run/(\d+)", str(schema))
    if number and int(number[1]) > int(SCHEMA.rpartition("/")[2]):
        raise GradlabError(
            f"{place}:schema", f"{schema} is newer than {SCHEMA}, which this gradlab reads; upgrade gradlab"
        )
    if schema != SCHEMA or not isinstance(about.get("files"), dict):
        raise GradlabError(
            f"{place}:schema", f"{shown(schema)} is not {SCHEMA}; name a folder that gradlab has written"
        )
    return dict(about)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        code = Exit.USAGE if isinstance(error, FileNotFoundError) else Exit.STORAGE
        raise GradlabError(
            str(path), f"cannot be read: {error.strerror or error}; name another run", code
        ) from error


def csv(table: "pandas.DataFrame") -> bytes:
    """CSV whose floats read back exactly; text that a spreadsheet takes for a formula gets an apostrophe."""
    texts = [name for name in table.columns if not np.issubdtype(table[name].to_numpy().dtype, np.number)]
    safe = {name: table[name].map(_mapping(_quoted, table[name])) for name in texts}
    text: str = table.assign(**safe).to_csv(index=False, lineterminator="\n")
    return text.encode()


def _table(content: bytes) -> "pandas.DataFrame":
    import pandas as pd

    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    columns: dict[str, Any] = {name: table[name].map(_mapping(unquoted, table[name])) for name in _TEXT}
    for name in ("T", "seed"):
        columns[name] = np.array([int(text) for text in table[name]], np.int64)
    for name in ("w_rec", "value"):
        columns[name] = np.array([float(text or "nan") for text in table[name]])
    return pd.DataFrame({name: columns[name] for name in COLUMNS}).astype(dict.fromkeys(_TEXT, str))


def _mapping(change: Callable[[str], str], column: "pandas.Series[str]") -> dict[str, str]:
    """What `change` makes of each text in a column, worked out once a text."""
    return {text: change(text) for text in column.unique().tolist()}


def _quoted(text: str) -> str:
    return f"'{text}" if re.match(r"'*[=+\-@\t\r]", text) else text


def unquoted(text: str) -> str:
    """A text of a CSV without the apostrophe that `csv` has put before it."""
    return text[1:] if re.match(r"''*[=+\-@\t\r]", text) else text


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


def dataset(content: bytes) -> "xarray.Dataset":
    """The dataset that `netcdf` made."""
    import xarray as xr

    return xr.load_dataset(io.BytesIO(content), engine="h5netcdf")

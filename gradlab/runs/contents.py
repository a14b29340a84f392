"""The files of a finished run: written with their digests, and read only as they were written."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import memory
from gradlab.errors import GradlabError
from gradlab.runs import csv_tables, files, former, hdf5, manifest
from gradlab.runs.files import replace, storage

if TYPE_CHECKING:
    import pandas
    import xarray


def write(folder: Path, about: dict[str, Any], contents: dict[str, bytes]) -> list[Path]:
    """Write files and the `run.json` that holds their digests; `run.json` comes last.

    Each appears whole or not at all. Raises `GradlabError` with `Exit.STORAGE` if the file system refuses.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    about = about | {"schema": former.SCHEMA, "files": digests}
    contents = dict(contents)
    contents["run.json"] = (json.dumps(about, allow_nan=False, sort_keys=True, indent=1) + "\n").encode()
    with storage(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace(folder / name, content)
    return [folder / name for name in contents]


def home(path: Path) -> Path:
    """The folder of a run that may be named by its `run.json`."""
    return path.parent if path.name == "run.json" else path


def read(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`run.json` and some files of a run, each checked against its digest.

    Raises `GradlabError` if there is no run, it is of another schema, or a file is missing or is not the one
    that was written.
    """
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
    kind = hdf5.LARGEST if name.endswith(".nc") else csv_tables.LARGEST
    return min(kind, memory.available_bytes() // 2)


def command(path: Path) -> str:
    """Which command has written a run: `sweep`, `remedies` or `neurons`."""
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

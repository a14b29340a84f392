"""The files of a finished run: written with their digests, and read only as they were written."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import memory
from gradlab.errors import GradlabError
from gradlab.runs import csv_tables, files, former, hdf5, manifest, readers
from gradlab.runs.files import replace, storage

if TYPE_CHECKING:
    import pandas
    import xarray


TRIES = 5
"""Times that a run is read which is written anew meanwhile."""


def write(folder: Path, about: dict[str, Any], contents: dict[str, bytes]) -> list[Path]:
    """Write files and the `run.json` that holds their digests; `run.json` comes last.

    Each appears whole or not at all. Raises `GradlabError` with `Exit.STORAGE` if the file system refuses.
    """
    contents = contents | {"run.json": _told(about, contents)}
    with storage(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace(folder / name, content)
    return [folder / name for name in contents]


def rewrite(folder: Path, about: dict[str, Any], contents: dict[str, bytes]) -> None:
    """Put a run in the place of another; whoever is killed meanwhile leaves one of the two, whole.

    The new files lie beside the old ones until the new `run.json` is there, and are read from there until
    they have their names. Raises `GradlabError` with `Exit.STORAGE` if the file system refuses.
    """
    with storage(folder):
        # What a kill has left under its side name belongs to the run that is there.
        for name in contents:
            if (folder / files.next_to(name)).exists():
                _settled(folder, name)
        for name, content in contents.items():
            replace(folder / files.next_to(name), content)
        replace(folder / "run.json", _told(about, contents))
        for name in contents:
            os.replace(folder / files.next_to(name), folder / name)


def _settled(folder: Path, name: str) -> None:
    """A file under its side name gets its own, if `run.json` speaks of it, and goes if not."""
    side = folder / files.next_to(name)
    there = (folder / "run.json").exists()
    told = manifest.read(folder)["files"].get(name) if there else None
    if hashlib.sha256(files.inside(folder, side.name, _largest(name))).hexdigest() == told:
        os.replace(side, folder / name)
    else:
        side.unlink()


def _told(about: dict[str, Any], contents: dict[str, bytes]) -> bytes:
    """The `run.json` of these files."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    about = about | {"schema": former.SCHEMA, "files": digests}
    return (json.dumps(about, allow_nan=False, sort_keys=True, indent=1) + "\n").encode()


def home(path: Path) -> Path:
    """The folder of a run that may be named by its `run.json`."""
    return path.parent if path.name == "run.json" else path


def read(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`run.json` and some files of a run, each checked against its digest.

    Where a run is written anew meanwhile (`rewrite`), it is the former or the new one. Raises `GradlabError`
    if there is no run, it is of another schema, or a file is missing or is not the one that was written.
    """
    folder = home(path)
    for _ in range(TRIES):
        about = manifest.read(folder)
        try:
            return about, {name: _whole(folder, name, about["files"].get(name)) for name in names}
        except GradlabError:
            if manifest.read(folder)["files"] == about["files"]:
                raise
    raise GradlabError(str(folder), "is written anew all the time; copy it, or wait")


def _whole(folder: Path, name: str, digest: str | None) -> bytes:
    """The file of that digest, under its own name or the one that it has while a run is written anew."""
    missing: OSError | None = None
    for place in (name, files.next_to(name)):
        try:
            content = files.inside(folder, place, _largest(name))
        except OSError as error:
            missing = missing or error if place == name else missing
            continue
        if hashlib.sha256(content).hexdigest() == digest:
            return content
    if missing is not None:
        raise files.unreadable(folder / name, missing) from missing
    what = "is not the file that run.json describes; run the command again"
    raise GradlabError(str(folder / name), what)


def _largest(name: str) -> int:
    """Bytes of a file that are read: what its kind can have, and what there is memory for."""
    kind = hdf5.LARGEST if name.endswith(".nc") else csv_tables.LARGEST
    return min(kind, memory.available_bytes() // 2)


def command(path: Path) -> str:
    """Which command has written a run: `sweep`, `remedies` or `neurons`."""
    return str(manifest.read(home(path)).get("command", "sweep"))


def csv(table: "pandas.DataFrame", about: dict[str, Any]) -> bytes:
    """CSV whose floats read back exactly; text that a spreadsheet takes for a formula gets an apostrophe.

    Of a run that machines have computed which differ, a last column, `mixed`, says so in every row.
    """
    if mixed := manifest.of_mixed(about):
        table = table.assign(**{csv_tables.MIXED: mixed})
    texts = [name for name in table.columns if not np.issubdtype(table[name].to_numpy().dtype, np.number)]
    safe = {
        name: table[name].map({text: readers.escaped(text) for text in table[name].unique().tolist()})
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

"""A `norms.nc` that is no plain file of plain arrays is refused by name, before a value of it is read.

Each is a well-formed HDF5 file, and the digest in `run.json` is that of the file.
"""

import io
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
import xarray as xr

from gradlab import memory
from gradlab.errors import Exit, GradlabError
from gradlab.runs import contents as run_contents
from gradlab.studies import norms
from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.sweep import results as sweep_results
from tests import made_runs, samples
from tests.cli.calling import ENVIRONMENT, contents, gradlab
from tests.received import made

SECRET = b"the bytes of another file " * 4000
ROOM = 3 * 2**30
"""Bytes of address space in which every one of them is refused."""


def attributes(data):
    """What netCDF writes beside an array, so that a new one can stand in its place."""
    return {
        key: data.attrs[key] for key in ("_Netcdf4Coordinates", "_Netcdf4Dimid", "units") if key in data.attrs
    }


def replaced(name="transport", **how):
    """The array `name` made anew, of its own shape and type unless told otherwise."""

    def change(file, place):
        old, kept = file[name], attributes(file[name])
        shape, dtype = old.shape, old.dtype
        del file[name]
        options = {key: value(place) if callable(value) else value for key, value in how.items()}
        options = {"shape": shape, "dtype": dtype} | options
        new = file.create_dataset(name, **options)
        for key, value in kept.items():
            new.attrs[key] = value

    return change


def outside(place):
    (place.parent / "secret").write_bytes(SECRET)
    return [(str(place.parent / "secret"), 0, h5py.h5f.UNLIMITED)]


def pipe(place):
    os.mkfifo(place.parent / "pipe")
    return [(str(place.parent / "pipe"), 0, h5py.h5f.UNLIMITED)]


def virtual(file, place):
    shape, kept = file["transport"].shape, attributes(file["transport"])
    with h5py.File(place.parent / "other.h5", "w") as other:
        other["x"] = np.zeros(shape)
    layout = h5py.VirtualLayout(shape, np.float64)
    layout[...] = h5py.VirtualSource(str(place.parent / "other.h5"), "x", shape)
    del file["transport"]
    new = file.create_virtual_dataset("transport", layout)
    for key, value in kept.items():
        new.attrs[key] = value


def linked(kind):
    def change(file, place):
        del file["transport"]
        file["transport"] = kind(place)

    return change


def looped(file, place):
    del file["transport"]
    file["transport"] = file["/"]


def grouped(file, place):
    del file["transport"]
    file.create_group("transport/transport")


def attribute(name, value, of="transport"):
    def change(file, place):
        (file[of] if of else file).attrs[name] = value(file) if callable(value) else value

    return change


def values(name, change):
    def changed(file, place):
        whole = file[name][...]
        change(whole)
        file[name][...] = whole

    return changed


def put(at, value):
    return lambda whole: whole.__setitem__(at, value)


def removed(name):
    return lambda file, place: file.__delitem__(name)


def added(file, place):
    new = file.create_dataset("more", data=np.zeros(file["transport"].shape))
    for key, value in attributes(file["transport"]).items():
        new.attrs[key] = value


def many(file, place):
    for i in range(2000):
        file[f"a{i}"] = 0.0


FIRST = (0,) * 7
HUGE = {"shape": (2, 1, 2, 2, 2, 3, 10**8), "chunks": (1, 1, 1, 1, 1, 1, 10**6), "compression": 1}
EXTERNAL = linked(lambda place: h5py.ExternalLink("/etc/passwd", "/"))
TWISTED = np.array([0, 1, 2, 3, 4, 6, 5], "i4")
REFERENCE = attribute("more", lambda file: file["lag"].ref)
KINDS = {
    "external": (replaced(external=outside), "transport", "lies outside of the file"),
    "a pipe": (replaced(external=pipe), "transport", "lies outside of the file"),
    "virtual": (virtual, "transport", "is made of other arrays"),
    "a soft link": (linked(lambda place: h5py.SoftLink("/adjoint")), "transport", "is a link"),
    "a link to itself": (linked(lambda place: h5py.SoftLink("/transport")), "transport", "is a link"),
    "an external link": (EXTERNAL, "transport", "is a link"),
    "a loop": (looped, "transport", "is no array"),
    "a group": (grouped, "transport", "is no array"),
    "compound": (replaced(dtype=[("a", "f8"), ("b", "i4")]), "transport", "is of a type"),
    "references": (replaced(dtype=h5py.ref_dtype), "transport", "is of a type"),
    "variable lengths": (replaced(dtype=h5py.vlen_dtype(np.float64)), "transport", "is of a type"),
    "an enumeration": (replaced(dtype=h5py.enum_dtype({"a": 1})), "transport", "is of a type"),
    "opaque": (replaced(dtype="V8"), "transport", "is of a type"),
    "big-endian": (replaced(dtype=">f8"), "transport", "is of a type"),
    "text for numbers": (replaced(dtype=h5py.string_dtype()), "transport", "is text by"),
    "float32": (replaced(dtype="f4"), "transport", "is float32 by"),
    "whole numbers": (replaced(dtype="i8"), "transport", "is int64 by"),
    "huge": (replaced(**HUGE), "transport", "has the shape"),
    "nothing stored": (replaced(chunks=(1, 1, 1, 1, 1, 1, 7), compression=1), "transport", "not in the file"),
    "compact": (None, "transport", "lies outside of the file"),
    "lzf": (replaced(chunks=True, compression="lzf"), "transport", "is packed otherwise"),
    "scaled": (replaced(dtype="i8", chunks=True, scaleoffset=4), "transport", "is packed otherwise"),
    "other axes": (attribute("_Netcdf4Coordinates", TWISTED), "transport", "axes"),
    "a missing axis": (removed("lag"), "adjoint", "not that of its axes"),
    "a missing array": (removed("transport"), "transport", "is missing"),
    "an array more": (added, "more", "is nothing that a sweep holds"),
    "thousands": (many, "", "more than 1000 arrays"),
    "a long attribute": (attribute("units", "x" * 60_000), "transport", "no plain text"),
    "escapes": (attribute("units", "\x1b[31m"), "transport", "no plain text"),
    "an attribute of references": (REFERENCE, "transport", "of a type that no run"),
    "an array in an attribute": (attribute("more", np.zeros(1000)), "transport", "that no run has"),
    "another cell": (values("cell", put(0, b"other")), "cell", "'other'"),
    "another gain": (values("w_rec", put(0, 7.0)), "w_rec", "has 7.0"),
    "a gain that is NaN": (values("w_rec", put(0, np.nan)), "w_rec", "has nan"),
    "another lag": (values("lag", put(3, 9)), "lag", "has 9"),
    "no state": (values("transport_state", put(FIRST, 9)), "transport_state", "no state"),
    "a negative state": (values("transport_state", put(FIRST, -1)), "transport_state", "no state"),
    "infinite": (values("transport", put(FIRST, np.inf)), "transport", "without a state"),
    "beyond reach": (values("transport", put(FIRST, 1e308)), "transport", "that no sequence"),
    "NaN and ok": (values("transport", put(FIRST, np.nan)), "transport", "without a state"),
    "a part twice": (values("part", put(1, b"state")), "part", "twice"),
    "a step beyond T": (values("nonfinite_step", put((0,) * 5, 99)), "nonfinite_step", "no sequence has"),
}  # fmt: skip


def compact(file, place):
    data, kept = file["transport"][...], attributes(file["transport"])
    del file["transport"]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(data.shape)
    new = h5py.Dataset(h5py.h5d.create(file.id, b"transport", h5py.h5t.IEEE_F64LE, space, dcpl=plan))
    new[...] = data
    for key, value in kept.items():
        new.attrs[key] = value


KINDS["compact"] = (compact, *KINDS["compact"][1:])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return made.sweep(tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture
def run(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "run")


def changed(run, kind):
    with h5py.File(run / "norms.nc", "r+") as file:
        KINDS[kind][0](file, run)
    return made.sealed(run)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused_by_name_and_nothing_is_written(run, tmp_path, kind):
    changed(run, kind)
    _, name, words = KINDS[kind]
    before = contents(run)
    for command in (("show", run), ("export", run, "--to", "netcdf", "-o", tmp_path / "run.nc")):
        said = gradlab(*command)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {run / 'norms.nc'}")
        assert f"norms.nc:{name}" in said.err or not name or f"'{name}'" in said.err
        assert words in said.err
        assert said.err.count("\n") == 1
        assert len(said.err) < 500
    assert contents(run) == before
    assert not (tmp_path / "run.nc").exists()


def test_within_a_limit_of_memory_and_without_a_word_of_the_library(plain, tmp_path):
    """All of them in one process that has hardly room for a run."""
    for i, kind in enumerate(KINDS):
        (tmp_path / str(i)).mkdir()
        changed(shutil.copytree(plain, tmp_path / str(i) / "run"), kind)
    script = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({ROOM}, {ROOM}))\n"
        "from gradlab import cli\n"
        "print([int(cli.execute(['show', path])) for path in sys.argv[1:]], file=sys.stderr)"
    )
    places = [str(tmp_path / str(i) / "run") for i in range(len(KINDS))]
    done = subprocess.run(
        [sys.executable, "-c", script, *places],
        check=False, capture_output=True, text=True, timeout=120, env=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0
    *lines, codes = done.stderr.splitlines()
    assert codes == str([2] * len(KINDS))
    assert len(lines) == len(KINDS)
    assert all(line.startswith("error: ") for line in lines)


def test_data_that_unpack_to_more_than_was_declared_stop_there(run):
    """A chunk of 200 MB of zeros in the place of one of 400 bytes."""
    import zlib

    with h5py.File(run / "norms.nc", "r+") as file:
        old, kept = file["transport"], attributes(file["transport"])
        shape = old.shape
        del file["transport"]
        new = file.create_dataset("transport", shape, np.float64, chunks=shape, compression=1)
        new.id.write_direct_chunk((0,) * len(shape), zlib.compress(bytes(2 * 10**8)))
        for key, value in kept.items():
            new.attrs[key] = value
    said = gradlab("show", made.sealed(run))
    assert said.code == 2
    assert "does not unpack to its length" in said.err


def test_what_there_is_no_memory_for_is_exit_7(run, monkeypatch):
    monkeypatch.setattr(run_contents, "_largest", lambda name: 10**9)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(GradlabError, match="of memory, 1 kB available") as caught:
        sweep_results.read(run)
    assert caught.value.code == Exit.RESOURCES


def test_what_is_written_is_read_as_xarray_reads_it():
    given = samples.norms(("elman", "lstm"), nonfinite_above=1.0, zero_beyond=9)
    content = run_contents.netcdf(given)
    found = norms.swept(content, "norms.nc", made_runs.facts(given)["settings"])
    xr.testing.assert_identical(found, xr.load_dataset(io.BytesIO(content), engine="h5netcdf"))
    assert found["linear"].dtype == bool


def test_so_is_a_file_of_an_older_h5netcdf(tmp_path):
    """Before 1.6 an array of one axis names it by its number alone."""
    given = samples.norms(("elman", "lstm"))
    place = tmp_path / "norms.nc"
    place.write_bytes(run_contents.netcdf(given))
    with h5py.File(place, "r+") as file:
        lone = [name for name, data in file.items() if data.ndim == 1 and "_Netcdf4Coordinates" in data.attrs]
        for name in lone:
            del file[name].attrs["_Netcdf4Coordinates"]
    assert {"cell", "T", "w_rec"} <= set(lone)
    found = norms.swept(place.read_bytes(), "norms.nc", made_runs.facts(given)["settings"])
    xr.testing.assert_identical(found, given)


def test_so_is_a_file_whose_chunks_do_not_end_where_it_does():
    given = samples.norms(("elman",), (0.5, 0.9, 1.5), (300,), seeds=3)
    encoding = {name: {"zlib": True, "shuffle": True, "chunksizes": (1, 1, 2, 1, 2, *(7, 7, 7)[: v.ndim - 5])}
                for name, v in given.data_vars.items() if v.ndim == 6}  # fmt: skip
    content = bytes(given.to_netcdf(engine="h5netcdf", encoding=encoding))
    found = norms.swept(content, "norms.nc", made_runs.facts(given)["settings"])
    xr.testing.assert_identical(found, given)


def test_a_comparison_of_remedies_is_read_no_less_strictly(tmp_path):
    run = made.remedies(tmp_path / "run")
    assert remedies_results.read(run).norms["transport"].dims == ("arm", "T", "w_rec", "seed", "when", "lag")
    with h5py.File(run / "norms.nc", "r+") as file:
        file["transport"][0, 0, 0, 0, 0, 0] = np.inf
    with pytest.raises(GradlabError, match="infinite norm"):
        remedies_results.read(made.sealed(run))
    with h5py.File(run / "norms.nc", "r+") as file:
        replaced(external=outside)(file, run)
    with pytest.raises(GradlabError, match="lies outside"):
        remedies_results.read(made.sealed(run))

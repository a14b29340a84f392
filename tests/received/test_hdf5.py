"""A `norms.nc` that is no plain file of plain arrays is refused by name, before a value of it is read.

Each is a well-formed HDF5 file, and the digest in `run.json` is that of the file.
"""

import io
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
from tests.received.hdf5 import KINDS, attributes, outside, replaced

ROOM = 3 * 2**30
"""Bytes of address space in which every one of them is refused."""


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

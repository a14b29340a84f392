"""Result files: the same in, the same out, and clear words for what is no run."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import Exit, GradlabError
from gradlab.runs import contents, manifest
from gradlab.studies.sweep import results
from tests import made_runs, samples


@pytest.fixture(scope="module")
def norms():
    cells = ("elman(activation=identity)", "lstm")
    return samples.norms(cells, (0.0, 0.1 + 0.2, 1.0, 1.9), (20, 200), nonfinite_above=1.5)


def test_metrics_are_tidy_and_hold_values_only_where_ok(norms):
    table = results.metrics(norms)
    assert tuple(table.columns) == results.COLUMNS
    assert not table.duplicated([*results.COLUMNS[:7]]).any()
    assert (table["value"].notna() == (table["state"] == "ok")).all()
    assert set(table.loc[table["cell"] == "lstm", "part"]) == {"state", "h", "c"}
    assert set(table.loc[table["cell"] != "lstm", "part"]) == {"state"}
    points = 4 * 2 * 3
    # The whole state's metrics in both cells, and the rates of h and c.
    assert len(table) == points * (7 + 7 + 2)
    first = ["cell", "init", "w_rec", "T", "seed", "part"]
    assert len(table[first].drop_duplicates()) == points * (1 + 3)


def test_a_run_reads_back_as_it_was_written(tmp_path, norms):
    about = made_runs.facts(norms, nested={"b": 0.1 + 0.2})
    files = results.write(tmp_path / "deep" / "run", results.Run(about, results.metrics(norms), norms))
    assert [file.name for file in files] == ["metrics.csv", "norms.nc", "failures.jsonl", "run.json"]
    assert {file.name for file in (tmp_path / "deep" / "run").iterdir()} == {file.name for file in files}
    for path in (tmp_path / "deep" / "run", files[-1]):
        run = results.read(path)
        xr.testing.assert_identical(run.norms, norms)
        assert run.norms["nonfinite_step"].dtype == np.int32
        assert run.norms["transport_state"].dtype == np.int8
        pd.testing.assert_frame_equal(run.metrics, results.metrics(norms))
        assert run.about["nested"] == about["nested"]
        assert set(run.about["files"]) == {"metrics.csv", "norms.nc", "failures.jsonl"}


def test_equal_results_give_equal_bytes_in_any_process(tmp_path, norms):
    files = results.write(tmp_path / "a", results.Run({"z": 1, "a": 2}, results.metrics(norms), norms))
    norms.to_netcdf(tmp_path / "in.nc", engine="h5netcdf")
    script = (
        "import sys, pathlib, xarray; from gradlab.studies.sweep import results\n"
        "norms = xarray.load_dataset(sys.argv[1], engine='h5netcdf')\n"
        "run = results.Run({'a': 2, 'z': 1}, results.metrics(norms), norms)\n"
        "results.write(pathlib.Path(sys.argv[2]), run)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", script, str(tmp_path / "in.nc"), str(tmp_path / "b")]
    subprocess.run(command, check=True, env=environment, timeout=60)
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_summary_is_the_same_from_files_as_from_norms(tmp_path, norms):
    results.write(tmp_path, results.Run(made_runs.facts(norms), results.metrics(norms), norms))
    found, expected = results.groups(results.read(tmp_path)), results.summaries.groups(norms)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.profile, b.profile)
        np.testing.assert_equal(a[:-1], b[:-1])
    table = results.summary(results.metrics(norms), norms)
    assert list(table["regime"]) == [row.regime for row in expected]
    assert set(table["T"]) == {200}


def test_grid_puts_rows_in_their_places(norms):
    table = results.metrics(norms).sample(frac=1, random_state=0)
    found = results.grid(table, norms, "rate", "h")
    assert found.value.shape == (2, 1, 4, 2, 3)
    assert (found.state[0] == 3).all()
    row = table[(table["metric"] == "rate") & (table["part"] == "h") & (table["w_rec"] == 1.0)].iloc[0]
    seed = norms["seed"].values.tolist().index(row["seed"])
    assert found.value[1, 0, 2, [20, 200].index(row["T"]), seed] == row["value"]


@pytest.mark.parametrize("label", ["=1+1", "+x", "-x", "@x", "'=x", "''@", "plain", "'quoted", 'a,b"c'])
def test_text_that_a_spreadsheet_would_run_is_made_harmless_and_comes_back(tmp_path, label):
    norms = samples.norms((label,), (0.5,), (5,), seeds=1)
    table = results.metrics(norms)
    content = contents.csv(table, {})
    for line in content.decode().splitlines()[1:]:
        assert line[0] not in "=+-@\t"
    results.write(tmp_path, results.Run(made_runs.facts(norms), table, norms))
    pd.testing.assert_frame_equal(results.read(tmp_path).metrics, table)


def test_of_machines_that_differ_each_row_says_so_and_what_is_read_is_the_table(tmp_path):
    norms = samples.norms(w_rec=(0.5,), T=(5,), seeds=1)
    table = results.metrics(norms)
    about = made_runs.facts(norms, mixed=made_runs.MIXED * 30)
    results.write(tmp_path, results.Run(about, table, norms))
    kept = pd.read_csv(tmp_path / "metrics.csv")
    assert list(kept.columns) == [*results.COLUMNS, "mixed"]
    assert set(kept["mixed"]) == {manifest.of_mixed(about)}
    pd.testing.assert_frame_equal(results.read(tmp_path).metrics, table)


def test_numbers_are_never_touched():
    table = results.metrics(samples.norms(w_rec=(-0.5, 0.5), T=(5,), seeds=1))
    assert ",-0.5," in contents.csv(table, {}).decode()
    assert "'" not in contents.csv(table, {}).decode()


def test_run_json_is_strict(tmp_path, norms):
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.write(tmp_path / "x", results.Run({"rate": float("nan")}, results.metrics(norms), norms))
    assert not (tmp_path / "x").exists()


def broken(tmp_path, norms, change):
    results.write(tmp_path, results.Run(made_runs.facts(norms), results.metrics(norms), norms))
    change(tmp_path)
    with pytest.raises(GradlabError) as caught:
        results.read(tmp_path)
    assert "\n" not in str(caught.value)
    assert caught.value.code == Exit.USAGE
    return str(caught.value)


def retitled(schema):
    def change(folder):
        about = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(about | {"schema": schema}))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "run.json").unlink(), "holds no run.json"),
        (lambda folder: (folder / "run.json").write_text("{"), "run.json: is not strict JSON"),
        (lambda folder: (folder / "run.json").write_text("[]"), "is not gradlab.run/2"),
        (lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe{"), "is not strict JSON"),
        (retitled("gradlab.run/3"), "gradlab.run/3 is newer than gradlab.run/2"),
        (retitled("other/1"), "'other/1' is not gradlab.run/2"),
        (lambda folder: (folder / "norms.nc").write_bytes(b"x"), "norms.nc: is not the file"),
        (lambda folder: (folder / "metrics.csv").unlink(), "metrics.csv: cannot be read"),
    ],
)
def test_what_is_no_run_is_said_in_one_line(tmp_path, norms, change, words):
    assert words in broken(tmp_path, norms, change)


def test_no_folder(tmp_path):
    with pytest.raises(GradlabError, match="no such folder"):
        results.read(tmp_path / "none")


def test_a_refusing_disk_is_a_storage_error_and_leaves_no_pieces(tmp_path, norms, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GradlabError, match="No space left on device") as caught:
        results.write(tmp_path / "run", results.Run({}, results.metrics(norms), norms))
    assert caught.value.code == Exit.STORAGE
    assert list((tmp_path / "run").iterdir()) == []


def test_run_json_comes_last(tmp_path, norms, monkeypatch):
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(b.name), replace(a, b)))
    results.write(tmp_path, results.Run(made_runs.facts(norms), results.metrics(norms), norms))
    assert order == ["metrics.csv", "norms.nc", "failures.jsonl", "run.json"]


def test_importing_is_cheap():
    script = (
        "import sys, gradlab.studies.sweep.results\n"
        "print([m for m in ('pandas', 'xarray', 'jax', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "[]"

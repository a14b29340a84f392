"""`gradlab export`."""

import json

import pytest

from gradlab import registry
from gradlab.studies.sweep import results
from tests import made_runs
from tests.cli.calling import contents, document, finished, gradlab


@pytest.fixture
def folder(tmp_path):
    results.write(tmp_path / "run", made_runs.run())
    return tmp_path / "run"


@pytest.mark.parametrize("to", ["csv", "netcdf", "openmetrics", "github-benchmark"])
def test_each_format_is_written_below_the_run_and_touches_nothing_else(folder, to):
    before = contents(folder)
    said = gradlab("export", folder, "--to", to)
    name = registry.home("exports", to.replace("-", "_")).FILE
    assert said == (0, f"{folder / 'exports' / name}\n", "")
    after = contents(folder)
    assert {path: after[path] for path in before} == before
    assert {str(path) for path in after.keys() - before.keys()} == {f"exports/{name}"}
    assert results.read(folder).metrics.shape == made_runs.run().metrics.shape


def test_a_file_a_folder_or_stdout_may_be_named(folder, tmp_path):
    assert gradlab("export", folder, "--to", "csv", "-o", tmp_path / "deep" / "x.csv").code == 0
    assert gradlab("export", folder / "run.json", "--to", "csv", "-o", tmp_path).code == 0
    content = (tmp_path / "run.csv").read_bytes()
    assert (tmp_path / "deep" / "x.csv").read_bytes() == content
    assert finished("export", folder, "--to", "csv", "-o", "-", text=False).out == content


def test_json_names_the_file(folder):
    said = gradlab("export", folder, "--to", "github-benchmark", "--json")
    data = document(said.out)["data"]
    assert (data["format"], data["file"]) == ("github-benchmark", str(folder / "exports" / "benchmark.json"))
    assert json.loads((folder / "exports" / "benchmark.json").read_text())


def test_stdout_takes_the_file_or_the_document(folder):
    said = gradlab("export", folder, "--to", "csv", "-o", "-", "--json")
    assert said.code == document(said.out)["exit_code"] == 2
    assert said.err == "error: --json: and -o - exclude each other; give one\n"


def test_mistakes_are_one_line(folder, tmp_path):
    said = gradlab("export", folder, "--to", "exel")
    assert said.code == 2
    assert said.err.startswith("error: --to: no export called 'exel'; ")
    assert gradlab("export", tmp_path / "none", "--to", "csv").code == 2
    (tmp_path / "file").write_text("")
    said = gradlab("export", folder, "--to", "csv", "-o", tmp_path / "file" / "x")
    assert (said.code, said.err.count("\n")) == (5, 1)


def test_a_missing_package_is_exit_6(folder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = gradlab("export", folder, "--to", "parquet")
    assert said.code == 6
    assert "pip install pyarrow" in said.err
    assert not (folder / "exports").exists()

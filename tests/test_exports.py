"""Every export reads back in the program it is for, or by that program's own rules."""

import dataclasses
import importlib
import io
import json
import math
import re
import sys
import types

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab import registry
from gradlab.errors import Exit, GradlabError
from gradlab.exports import _needed
from gradlab.runs.manifest import of_mixed
from gradlab.studies.sweep import results
from tests import made_runs

HOSTILE = ("=1+1", "+x", "-x", "@x", "\tx", "'=x", 'a,b\n"c"', "e\\l{}\u202e")
NEEDS = {"parquet": "pyarrow", "tensorboard": "tensorboard"}


def export(name, run):
    return registry.member("exports", name)(run)


@pytest.fixture(scope="module")
def run():
    return made_runs.run(("elman", "lstm"), (0.0, 0.1 + 0.2, 1.5), inits=("orthogonal",), zero_beyond=40)


@pytest.mark.parametrize("name", [n for n in registry.names("exports") if n not in NEEDS])
def test_equal_runs_give_equal_bytes_and_a_file_name(name, run):
    assert export(name, run) == export(name, made_runs.changed(run))
    assert re.fullmatch(r"[\w.]+", registry.home("exports", name).FILE)


class TestCsv:
    def test_as_many_columns_as_probes_bring(self, run):
        """A table that is put together column by column gets a warning from pandas at a hundred."""
        rates = run.metrics[run.metrics["metric"] == "rate"]
        more = [rates.assign(metric=f"lyapunov[index={i}]") for i in range(1, 151)]
        many = dataclasses.replace(run, metrics=pd.concat([run.metrics, *more]))
        wide = pd.read_csv(io.BytesIO(export("csv", many)))
        assert {f"lyapunov[index={i}]{end}" for i in range(1, 151) for end in ("", "_state")} <= {*wide}
        np.testing.assert_array_equal(wide["lyapunov[index=150]"], wide["rate"])

    def test_a_row_a_network_with_numbers_that_read_back_exactly(self, run):
        wide = pd.read_csv(io.BytesIO(export("csv", run)), dtype=str, keep_default_na=False)
        point = ["cell", "init", "w_rec", "T", "seed", "part"]
        assert len(wide) == len(run.metrics[point].drop_duplicates())
        for row in run.metrics.sample(40, random_state=0).to_dict("records"):
            (found,) = wide.loc[(wide[point] == [str(row[p]) for p in point]).all(axis=1)].to_dict("records")
            np.testing.assert_equal(float(found[row["metric"]] or "nan"), row["value"])
            assert found[f"{row['metric']}_state"] == row["state"]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_text_is_no_formula_and_numbers_are_not_touched(self, name):
        content = export("csv", made_runs.run((name,), (-0.5, 0.5), (5,), seeds=1)).decode()
        cells = pd.read_csv(io.StringIO(content), dtype=str)["cell"]
        assert not cells.str.match(r"[=+\-@\t\r]").any()
        assert ",-0.5," in content
        assert "\u202e" not in content


def test_a_table_and_gauges_say_that_machines_which_differ_have_computed_a_run(run):
    said, mixed = of_mixed({"mixed": made_runs.MIXED}), made_runs.changed(run, mixed=made_runs.MIXED)
    table, plain = (pd.read_csv(io.BytesIO(export("csv", one))) for one in (mixed, run))
    assert set(table.pop("mixed")) == {said}
    pd.testing.assert_frame_equal(table, plain)
    lines, before = (export("openmetrics", one).decode().splitlines() for one in (mixed, run))
    assert lines[: len(before) - 1] == before[:-1]
    assert lines[-2:] == [f'gradlab_mixed{{machines="{said}"}} 1.0', "# EOF"]
    assert len(lines) == len(before) + 3


def test_netcdf_is_the_dataset_with_the_facts_of_the_run(run):
    found = xr.load_dataset(io.BytesIO(export("netcdf", run)), engine="h5netcdf")
    assert json.loads(found.attrs.pop("run")) == run.about
    xr.testing.assert_identical(found, run.norms)


class TestOpenMetrics:
    LINE = re.compile(r'(gradlab_\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\} (-?[\d.e+-]+)')

    def test_it_follows_the_grammar_and_ends_with_eof(self, run):
        lines = export("openmetrics", run).decode().splitlines()
        assert lines[-1] == "# EOF"
        seen = set()
        for line in lines[:-1]:
            if line.startswith("# TYPE "):
                _, _, family, kind = line.split()
                assert (kind, family in seen) == ("gauge", False)
                seen.add(family)
            elif not line.startswith("# HELP "):
                assert self.LINE.fullmatch(line)[1] == family
        rates = [line for line in lines if line.startswith("gradlab_rate{")]
        groups = {(g.cell, g.w_rec): g.rate for g in results.groups(run) if not math.isnan(g.rate)}
        assert {float(line.split()[-1]) for line in rates} == set(groups.values())

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_labels_stay_labels(self, name):
        text = export("openmetrics", made_runs.run((name,), (0.5,), (5,), seeds=2)).decode()
        for line in text.splitlines():
            assert line.startswith("# ") or self.LINE.fullmatch(line)


def test_github_benchmark_gets_positive_numbers_only(run):
    rows = json.loads(export("github_benchmark", run))
    assert rows
    assert all(row["value"] > 0 and row["unit"] == "steps" for row in rows)
    assert len({row["name"] for row in rows}) == len(rows)
    assert not any("rate" in row["name"] for row in rows)


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_is_exit_6_with_the_line_that_installs_it(name, run, monkeypatch):
    monkeypatch.setitem(sys.modules, NEEDS[name], None)
    with pytest.raises(GradlabError, match=f"; pip install {NEEDS[name]}$") as caught:
        export(name, run)
    assert caught.value.code == Exit.ENVIRONMENT


def test_parquet_holds_the_tidy_table(run):
    pytest.importorskip("pyarrow")
    pd.testing.assert_frame_equal(
        pd.read_parquet(io.BytesIO(export("parquet", run))), run.metrics, check_dtype=False
    )
    mixed = pd.read_parquet(io.BytesIO(export("parquet", made_runs.changed(run, mixed=made_runs.MIXED))))
    assert set(mixed.pop("mixed")) == {of_mixed({"mixed": made_runs.MIXED})}
    pd.testing.assert_frame_equal(mixed, run.metrics, check_dtype=False)


class TestTensorboard:
    def curves(self, run):
        longest = [g for g in results.groups(run) if not np.isnan(g.profile).all()]
        return {f"transport/{g.cell} {g.init} w_rec={g.w_rec:g}": g.profile for g in longest}

    def test_every_mean_that_is_a_number_is_an_event_at_its_lag(self, run, monkeypatch):
        """With stand-ins for the package that keep what they are given."""
        record = lambda **fields: types.SimpleNamespace(**fields, SerializeToString=lambda: fields)
        summary = lambda value: value
        summary.Value = lambda **fields: fields
        written = []
        writer = lambda file: types.SimpleNamespace(write=written.append)
        stand_ins = {
            "event_pb2": types.SimpleNamespace(Event=record),
            "summary_pb2": types.SimpleNamespace(Summary=summary),
            "record_writer": types.SimpleNamespace(RecordWriter=writer),
        }
        home = importlib.import_module("gradlab.exports.tensorboard")
        monkeypatch.setattr(home, "needed", lambda name, package: stand_ins[name.rpartition(".")[2]])
        export("tensorboard", run)
        assert written[0] == {"wall_time": 0.0, "file_version": "brain.Event:2"}
        curves = self.curves(run)
        for event in written[1:]:
            (value,) = event["summary"]
            assert value["simple_value"] == curves[value["tag"]][event["step"]]
        assert len(written) - 1 == sum((~np.isnan(profile)).sum() for profile in curves.values())

    def test_tensorboard_reads_it(self, run, tmp_path):
        reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        (tmp_path / "events.out.tfevents.0.gradlab").write_bytes(export("tensorboard", run))
        found = reading.EventAccumulator(str(tmp_path), {"scalars": 0}).Reload()
        curves = self.curves(run)
        assert set(found.Tags()["scalars"]) == set(curves)
        for tag, profile in curves.items():
            for event in found.Scalars(tag):
                assert event.value == np.float32(profile[event.step])


def test_an_installed_package_is_just_imported():
    assert _needed.needed("json", "json") is json

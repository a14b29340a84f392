"""The baseline file: what it holds, what it refuses, and what an update says."""

import json
import math
import re

import pytest
import xarray as xr

import gradlab
from gradlab.errors import Exit, GradlabError
from gradlab.findings import baseline
from gradlab.findings import finding as findings_finding
from gradlab.findings.tolerance import Limit, limits
from gradlab.states import UNDEFINED
from gradlab.studies.sweep import results
from tests import made_runs


@pytest.fixture(scope="module")
def run():
    return made_runs.run(w_rec=(0.0, 0.1 + 0.2, 0.9))


@pytest.fixture
def file(run, tmp_path):
    baseline.write(tmp_path / "deep" / "b.json", baseline.create(run))
    return tmp_path / "deep" / "b.json"


def test_it_reads_back_as_it_was_and_passes_its_own_run(run, file):
    made, read = baseline.create(run), baseline.read(file)
    assert read == made
    assert {key.w_rec for key in read.side.series} == {0.0, 0.1 + 0.2, 0.9}
    assert read.limits == limits()
    found = baseline.compare(run, read)
    assert {finding.status for finding in found} == {"passed"}


def test_equal_runs_give_equal_bytes_with_one_line_a_number(run, file):
    text = file.read_text()
    assert text == baseline.text(baseline.create(run))
    lines = [line for line in text.splitlines() if line.startswith('  {"metric"')]
    assert len(lines) == len(baseline.create(run).side.series)
    assert json.loads(text)["schema"] == "gradlab.baseline/1"
    assert "NaN" not in text
    assert '"exact_zero"' in text or '"undefined"' in text


@pytest.mark.slow
def test_a_run_in_float64_is_what_its_own_baseline_says(tmp_path):
    """Nine digits would be another number: norms may change there by 1e-13."""
    run = gradlab.sweep(cell="elman", hidden=3, w_rec=0.9, T=8, seeds=5, precision="float64", quiet=True)
    baseline.write(tmp_path / "b.json", baseline.create(run.stored))
    found = run.check(baseline=tmp_path / "b.json")
    assert {one.status for one in found} == {"passed"}
    assert max(len(text) for text in re.findall(r"-?\d\.\d+", (tmp_path / "b.json").read_text())) > 14


def test_a_rate_of_hundreds_of_decades_is_kept_well_within_its_limit(run, tmp_path):
    wild = made_runs.edited(run, "rate", -30102.9995663981)
    baseline.write(tmp_path / "b.json", baseline.create(wild))
    assert findings_finding.exit_code(baseline.compare(wild, baseline.read(tmp_path / "b.json"))) == 0


def test_a_run_with_failures_is_refused_unless_forced(run):
    partial = made_runs.changed(run, status="partial", failed=3, points=60)
    with pytest.raises(GradlabError, match="3 of 60 points failed") as caught:
        baseline.create(partial)
    assert caught.value.code == Exit.USAGE
    assert baseline.create(partial, force=True).side.series


def test_a_run_without_numbers_is_no_baseline(run):
    empty = made_runs.edited(run, "rate", math.nan, "undefined")
    for metric in set(run.metrics["metric"]):
        empty = made_runs.edited(empty, metric, math.nan, "undefined")
    lost = {name: xr.full_like(run.norms[name], UNDEFINED) for name in run.norms if name.endswith("_state")}
    empty = results.Run(empty.about, empty.metrics, empty.norms.assign(lost))
    with pytest.raises(GradlabError, match="would pass everything"):
        baseline.create(empty, force=True)


def test_limits_may_be_edited(run, file):
    raw = json.loads(file.read_text())
    raw["limits"].append({"metric": "rate", "absolute": 1, "where": {"cell": "lstm", "w_rec": 0.9}})
    file.write_text(json.dumps(raw))
    read = baseline.read(file)
    assert read.limits[-1] == Limit("rate", absolute=1.0, where={"cell": "lstm", "w_rec": 0.9})
    failed = {
        (f.where["cell"], f.where["w_rec"])
        for f in baseline.compare(made_runs.run(w_rec=(0.0, 0.1 + 0.2, 0.9), gain=1.01), read)
        if f.metric == "rate" and f.status == "failed"
    }
    assert failed == {("elman", 0.1 + 0.2), ("elman", 0.9), ("lstm", 0.1 + 0.2)}


def edit(change):
    def act(file):
        raw = json.loads(file.read_text())
        change(raw)
        file.write_text(json.dumps(raw))

    return act


def number(**values):
    return edit(lambda raw: raw["numbers"][0].update(values))


BAD = {
    "missing": (lambda file: file.unlink(), r": no such file; make one with"),
    "folder": (lambda file: (file.unlink(), file.mkdir()), ": is a folder"),
    "empty": (lambda file: file.write_text(""), ": is not strict JSON"),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-9]), ": is not strict JSON"),
    "binary": (lambda file: file.write_bytes(b"\xff\xfe\x00{"), ": is not strict JSON"),
    "deep": (lambda file: file.write_text("[" * 100_000), ": is not strict JSON: nested deeper than 64"),
    "NaN": (lambda file: file.write_text(file.read_text().replace("0.0,", "NaN,", 1)), "NaN is no number"),
    "twice a key": (lambda file: file.write_text('{"schema": 1, "schema": 2}'), "'schema' is there twice"),
    "a list": (lambda file: file.write_text("[]"), ": is not a baseline"),
    "a run": (edit(lambda raw: raw.update(schema="gradlab.run/1")), ": is not a baseline"),
    "newer": (
        edit(lambda raw: raw.update(schema="gradlab.baseline/12")),
        "12 is newer than gradlab.baseline/1",
    ),
    "unknown key": (edit(lambda raw: raw.update(limit=[])), "limit.*did you mean limits"),
    "twice a number": (edit(lambda raw: raw["numbers"].append(raw["numbers"][0])), "is there twice"),
    "text for a number": (number(w_rec="0.9"), r"numbers\[0\].w_rec"),
    "true for T": (number(T=True), r"numbers\[0\].T"),
    "a wrong state": (number(values={"0": "fine"}), "'fine' is neither a number nor one of exact_zero"),
    "no seeds": (number(values={}), r"numbers\[0\].values"),
    "a wrong seed": (number(values={"-1": 0.5}), "'-1' is not a seed"),
    "huge": (edit(lambda raw: raw["limits"][0].update(absolute=-1)), r"limits\[0\].absolute"),
    "relative rate": (
        edit(lambda raw: raw["limits"].append({"metric": "rate", "relative": 0.01})),
        "'rate' is a logarithm",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_baseline_is_said_in_one_line(file, name):
    change, words = BAD[name]
    change(file)
    with pytest.raises(GradlabError) as caught:
        baseline.read(file)
    assert caught.value.code == Exit.USAGE
    assert re.search(words, str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_read(file, monkeypatch):
    monkeypatch.setattr(baseline, "LARGEST", 100)
    with pytest.raises(GradlabError, match="at most 100 B are read"):
        baseline.read(file)


def test_a_refusing_disk_is_exit_5_and_leaves_the_old_file(run, file, monkeypatch):
    from gradlab.runs import files

    before = file.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(GradlabError) as caught:
        baseline.write(file, baseline.create(made_runs.run()))
    assert caught.value.code == Exit.STORAGE
    assert (file.read_bytes(), len(list(file.parent.iterdir()))) == (before, 1)


def test_an_update_says_old_and_new_and_what_comes_and_goes(run):
    old = baseline.create(made_runs.without(run, cell="elman"))
    new = baseline.create(made_runs.without(made_runs.run(w_rec=(0.0, 0.1 + 0.2, 0.9), gain=1.01), T=20))
    lines = list(baseline.moved(old, new))
    words = [line.split()[0] for line in lines]
    assert set(words) == {"changed", "gone", "new"}
    rate = next(line for line in lines if line.startswith("changed  rate cell=lstm"))
    assert re.search(r"w_rec=0.30000000000000004 T=50.*  -0\.\d+ -> -0\.\d+$", rate)
    assert not list(baseline.moved(new, new))


def test_an_update_names_states_and_weights(run):
    lost = made_runs.edited(run, "rate", math.nan, "forward_nonfinite", cell="lstm", T=50, part="state")
    drawn = made_runs.changed(lost, weights={"elman": {"orthogonal/0": "other"}})
    lines = list(baseline.moved(baseline.create(run), baseline.create(drawn, force=True)))
    assert any("-> no number" in line for line in lines)
    assert sum(line.startswith("weights") for line in lines) == 1


def test_it_reads_a_stored_run_as_well(run, tmp_path):
    results.write(tmp_path / "run", run)
    assert baseline.create(results.read(tmp_path / "run")) == baseline.create(run)

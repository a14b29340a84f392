"""What a tracker is told of a run is what the run's own files say."""

import math
from pathlib import Path

import numpy as np
import pytest

from gradlab.logs import entries
from gradlab.monitoring import keeping
from gradlab.monitoring.looks import Look
from gradlab.studies import base
from gradlab.studies.sweep import results
from tests import made_runs
from tests.logs import told

made = pytest.mark.parametrize("made", [told.swept, told.trained])


@made
def test_the_numbers_are_those_of_the_files(made, tmp_path):
    run = made(tmp_path / "mine")
    found = {(one.name, one.step): one.value for one in entries.points(run)}
    expected = told.by_hand(tmp_path / "mine")
    assert len(expected) > 10
    assert {at: found[at] for at in expected} == pytest.approx(expected, rel=1e-12)
    assert not any(math.isnan(value) for value in found.values())


@made
def test_no_series_has_two_numbers_at_a_step(made, tmp_path):
    places = [(one.name, one.step) for one in entries.points(made(tmp_path / "mine"))]
    assert len(set(places)) == len(places)


def test_a_profile_is_told_as_log10_by_lag(tmp_path):
    run = told.swept(tmp_path / "mine")
    found = {
        one.step: one.value
        for one in entries.points(run)
        if one.name == "log10_transport/lstm orthogonal w_rec=0.9 T=20"
    }
    log10 = run.norms["transport"].sel(cell="lstm", init="orthogonal", w_rec=0.9, T=20, part="state")
    np.testing.assert_allclose([found[lag] for lag in range(21)], log10.mean("seed").values[:21], rtol=1e-12)


def test_the_rest_is_that_of_the_run(tmp_path):
    run = told.swept(tmp_path / "mine")
    said = entries.of(run, tmp_path / "mine")
    assert said.settings["cell"] == "elman, lstm"
    assert said.settings["hidden"] == 32
    regimes = results.summary(run)["regime"].value_counts()
    assert said.tags["regimes"] == ", ".join(f"{regimes[word]} {word}" for word in sorted(regimes.index))
    assert said.verdict.startswith("At T = 50 (5 seeds)")
    assert "lstm" in said.table
    assert said.table.isascii()
    assert [place.name for place in said.figures] == ["profile.png"]


def test_a_run_of_other_bytes_is_another_run(tmp_path):
    told.swept(tmp_path / "mine")
    results.write(tmp_path / "theirs", made_runs.run(seed=1))
    results.write(tmp_path / "same", made_runs.run())
    digests = {entries.of(made_runs.run(), tmp_path / name).digest for name in ("mine", "theirs", "same")}
    assert len(digests) == 3
    assert entries.of(made_runs.run(), tmp_path / "mine").digest in digests


def test_looks_at_a_training_have_their_update_as_step():
    one = made_runs.run(cells=("mine",), w_rec=(1.0,), T=(20,), seeds=1)
    norms = one.norms.assign_attrs(networks="given", objective="mine on mine unit", model="1")
    made = keeping.run([Look(at, norms) for at in (0, 300)], [], 0)
    found = {(p.name, p.step): p.value for p in entries.points(made) if p.name.startswith("rate/")}
    rate = results.metrics(norms).query("metric == 'rate' and part == 'state'")["value"].item()
    named = {at for name, at in found}
    assert named == {0, 300}
    assert list(found.values()) == pytest.approx([rate, rate], rel=1e-12)
    assert len({name for name, _ in found}) == 1
    profiles = {one.name for one in entries.points(made) if one.name.startswith("log10_")}
    assert {name.rpartition(" ")[2] for name in profiles} == {"update=0", "update=300"}


def test_a_real_training_is_told_as_its_file_has_it():
    """Its curves of norms hold log10 already, which are below 0 where a gradient is small."""
    folder = Path(__file__).parents[2] / "results" / "adding_irnn"
    found = {(one.name, one.step): one.value for one in entries.points(base.read(folder))}
    expected = told.by_hand(folder)
    assert {at: found[at] for at in expected} == expected
    assert min(value for (name, _), value in expected.items() if "log10_gradient_norm" in name) < 0

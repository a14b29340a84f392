"""Comparisons as files: what is written is what is read, byte for byte."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.studies.remedies import results
from tests.trials import made_up, result


def test_a_row_is_a_network_and_its_numbers_are_those_of_its_last_look():
    table = made_up().table
    assert len(table) == 40
    solved = table[(table["arm"] == "none") & (table["seed"] == 5)].iloc[0]
    assert (solved["solved_at"], solved["broken_at"], solved["broken_what"]) == (300, 0, "")
    assert solved["loss"] == pytest.approx(0.4)
    broken = table[table["seed"] == 0].iloc[0]
    assert (broken["solved_at"], broken["broken_at"], broken["broken_what"]) == (0, 150, "gradient")
    assert broken["loss"] == 2.0


def test_curves_hold_what_was_looked_at_and_nothing_else():
    curves = made_up().curves
    losses = curves[(curves["metric"] == "loss") & (curves["arm"] == "none")]
    # 17 seeds looked at three times, 3 seeds once.
    assert len(losses) == 17 * 3 + 3
    assert losses["value"].notna().all()
    assert sorted(losses["update"].unique()) == [100, 200, 300]


def test_profiles_of_a_shorter_t_are_undefined_beyond_it():
    norms = results.profiles([result(T=40), result(T=20)])
    assert norms["transport"].dims == ("arm", "T", "w_rec", "seed", "when", "lag")
    short = norms["transport"].sel(T=20, when="end").isel(arm=0, w_rec=0, seed=0)
    np.testing.assert_allclose(short[:21], -0.01 * np.arange(21))
    assert np.isnan(short[21:]).all()


def test_what_is_read_is_what_was_written(tmp_path):
    run = made_up(result(), result("-odd", broken=20, cut=4))
    paths = results.write(tmp_path / "run", run)
    assert [path.name for path in paths][-1] == "run.json"
    again = results.read(tmp_path / "run")
    pd.testing.assert_frame_equal(again.table, run.table, check_dtype=False)
    pd.testing.assert_frame_equal(again.curves, run.curves, check_dtype=False)
    xr.testing.assert_identical(again.norms, run.norms)
    assert repr(again.outcomes()) == repr(run.outcomes())
    results.write(tmp_path / "again", again)
    for path in paths:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_a_damaged_file_is_refused(tmp_path):
    results.write(tmp_path, made_up())
    place = tmp_path / "remedies.csv"
    place.write_bytes(place.read_bytes()[:-3])
    with pytest.raises(GradlabError, match=r"is not the file that run\.json describes"):
        results.read(tmp_path)

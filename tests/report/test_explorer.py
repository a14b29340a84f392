"""The data of the interactive map are the stored norms."""

import base64
import json
from pathlib import Path

import numpy as np

from gradlab.report import explorer, page, sources
from gradlab.studies.sweep import results
from tests import samples
from tests.report import folders


def decoded(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def data(norms, room=10**6):
    run = results.Run({}, results.metrics(norms), norms)
    source = sources.Source("x", Path(), {}, run, sources.Progress(1, 0, 1))
    text = explorer.payload([("x", source)], room)
    return None if text is None else json.loads(text)["runs"][0]


def test_a_map_is_the_mean_over_seeds_block_by_block():
    norms = samples.norms(("elman", "lstm"), (0.5, 0.9, 1.5), T=(4, 9), seeds=3)
    run = data(norms)
    assert (run["T"], run["lags"], run["w_rec"]) == (
        [4, 9],
        [list(range(5)), list(range(10))],
        [0.5, 0.9, 1.5],
    )
    for cell, label in enumerate(run["cells"]):
        mean = norms["adjoint"].sel(cell=label, part="state").isel(init=0).mean("seed")
        blocks = [
            mean.sel(T=T).isel(lag=slice(T + 1)).transpose("w_rec", "lag").values.ravel() for T in (4, 9)
        ]
        np.testing.assert_allclose(
            decoded(run["maps"]["adjoint"]["state"][str(cell)]), np.concatenate(blocks), 1e-6
        )
    assert set(run["maps"]) == set(explorer.QUANTITIES)
    assert list(run["maps"]["adjoint"]["c"]) == ["1"]
    assert list(run["maps"]["transport"]) == ["state"]


def test_a_given_network_has_sequences_and_no_gain():
    norms = samples.norms(("elman",), (1.0,), T=(4,), seeds=3)
    assert (data(norms)["w_rec"], data(norms)["repeats"]) == ([1.0], "seeds")
    given = data(norms.assign_attrs(networks="given"))
    assert (given["w_rec"], given["repeats"]) == ([None], "sequences")


def test_rates_stand_in_the_order_of_the_controls():
    norms = samples.norms(("elman(activation=identity)",), (0.5, 2.0), T=(4, 9), seeds=1, noise=0)
    np.testing.assert_allclose(data(norms)["rates"], np.log10([0.5, 0.5, 2, 2]), atol=1e-8)


def test_zero_and_overflow_are_told_from_undefined():
    zeros = data(samples.norms(w_rec=(0.5,), T=(5,), zero_beyond=2, seeds=1))
    assert np.isneginf(decoded(zeros["maps"]["transport"]["state"]["0"])).tolist() == [False] * 3 + [True] * 3
    lost = data(samples.norms(("identity",), (9.0,), T=(40,), seeds=1, nonfinite_above=2))
    assert np.isposinf(decoded(lost["maps"]["transport"]["state"]["0"])).all()
    assert np.isnan(decoded(zeros["maps"]["weight_gradient"]["state"]["0"])[-1])


def test_long_profiles_are_thinned_until_they_fit():
    norms = samples.norms(w_rec=(0.5, 1.0), T=(20, 300), seeds=1)
    room = 20_000
    run = data(norms, room)
    size = sum(
        len(text) for parts in run["maps"].values() for cells in parts.values() for text in cells.values()
    )
    assert room / 3 < size <= room
    assert run["lags"][0] == list(range(21))
    assert (run["lags"][1][0], run["lags"][1][-1]) == (0, 300)
    assert len(run["lags"][1]) < 301
    assert data(norms, 1000) is None


def test_a_gain_that_is_none_is_json(tmp_path):
    norms = samples.norms(w_rec=(np.nan,), T=(5,))
    norms["transport"] = norms["transport"].fillna(0.0)
    assert data(norms)["w_rec"] == [None]


def test_the_data_end_no_script(tmp_path):
    source = sources.read(folders.sweep(tmp_path / "run"))
    text = explorer.payload([("</script><!--<script>&", source)], 10**6)
    assert not set("<>&") & set(text)
    assert json.loads(text)["runs"][0]["name"] == "</script><!--<script>&"


def test_the_code_of_the_map_ends_no_script():
    for name in page.EXPLORER:
        text = (Path(page.__file__).parent / name).read_text(encoding="utf-8")
        assert "</script" not in text.lower()
        assert "<!--" not in text

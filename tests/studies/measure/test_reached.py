"""What `gradlab.reach` finds is a run like all others: kept, read, checked and compared."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.findings import baseline, numbers
from gradlab.findings.differences import differences
from gradlab.reaching.result import WORDS
from gradlab.report import explorer, sources
from gradlab.report.captions import caption
from gradlab.states import NOT_COMPUTED, OK, REASONS
from gradlab.studies.measure import reached, reasons
from gradlab.studies.sweep import results, table
from tests import documents
from tests.cli.calling import gradlab as gradlab_

KINDS = ("float32", "float16", "bfloat16")
XS = jnp.asarray(np.linspace(0.5, 1, 12)[:, None], jnp.float32)


def cut(lag, factor=0.5):
    """A sum that forgets by a factor a step, and is cut at a lag."""

    def model(xs):
        whole = jnp.concatenate([jax.lax.stop_gradient(xs[:-lag]), xs[-lag:]])
        shares = jnp.asarray(factor ** np.arange(len(xs) - 1, -1, -1.0), xs.dtype)
        return shares @ whole[:, 0]

    return model


def test_it_is_saved_and_read_and_speaks_of_its_reach(tmp_path):
    found = gradlab.reach(cut(8), XS)
    run = gradlab.Run.of(found)
    run.save(tmp_path / "mine")
    again = gradlab.load(tmp_path / "mine")
    assert again.verdict == run.verdict
    assert run.verdict.startswith("At T = 12 (this network), model vanishes (\u22120.301 decades per step); ")
    assert again.about["said"] == [found.verdict]
    (row,) = again.table().to_dict("records")
    assert (row["regime"], row["of"], row["hard_horizon"]) == ("VANISH", "reach", 7)
    assert row["rate"] == pytest.approx(np.log10(0.5), abs=1e-6)
    np.testing.assert_array_equal(again.norms.reach.values.ravel()[:12], found.norms.reach.values)
    assert set(again.norms.transport_state.values.ravel()) == {NOT_COMPUTED}
    shown = table.render(again.stored, 1000, unicode=True, color=False).plain
    assert "the profile are of the reach, dreadout_T/dx_t; no state is known." in shown
    assert {path.stem for path in (tmp_path / "mine" / "figures").iterdir()} == {"profile"}
    assert caption(again.stored, "profile", registry.home("plots", "profile")) == (
        "Over 12 steps the reach ends at 10^\u22122.1 (model, lag 7); 1 of 1 exactly zero beyond some lag."
    )
    page = again.report(tmp_path / "r.html").read_text()
    assert "no command makes it again" in page
    assert all(words not in page for words in ("The command that", "The interactive map", "Probes at T"))
    assert explorer.payload([("mine", sources.of(again.stored, "mine"))], 10**6) is None
    assert "rescales" not in shown + gradlab.verdict(again.norms)


def test_it_is_held_against_a_baseline(tmp_path):
    place = tmp_path / "b.json"
    baseline.write(place, baseline.create(gradlab.Run.of(gradlab.reach(cut(8), XS)).stored))
    status = lambda model: {
        one.status for one in gradlab.Run.of(gradlab.reach(model, XS)).check(baseline=place)
    }
    assert status(cut(8)) == {"passed"}
    assert "failed" in status(cut(7))
    assert "failed" in status(cut(8, factor=0.4))


def test_what_no_run_can_hold_is_told():
    with pytest.raises(GradlabError, match="is not what measure or reach returns"):
        gradlab.Run.of(np.ones(3))
    found = gradlab.reach(cut(8), XS)
    found.precision = "float8_e5m2"
    with pytest.raises(
        GradlabError, match="is in float8_e5m2; runs are kept of float16, bfloat16, float32, "
    ):
        reached.of(found)
    half = gradlab.reach(cut(8), XS.astype(jnp.float16))
    with pytest.raises(GradlabError, match=r"^result\[1\]: has other precision than the first"):
        gradlab.Run.of(gradlab.reach(cut(8), XS), half)
    with pytest.raises(GradlabError, match=r"^result: .* has a last output that is not finite"):
        gradlab.Run.of(gradlab.reach(lambda xs: jnp.log(-xs[-1]), XS))


def kept(tmp_path, *lags, dtype=jnp.float32):
    """The folder of a run of models that are cut at these lags, a sequence each."""
    place = tmp_path / "mine"
    gradlab.Run.of(*(gradlab.reach(cut(lag), XS.astype(dtype)) for lag in lags)).save(place)
    return place


def test_why_there_is_no_gradient_is_kept_and_shown(tmp_path, monkeypatch):
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    place = kept(tmp_path, 8, 6, 8)
    again = gradlab.load(place)
    words = again.norms.reason.attrs["flag_meanings"].split()
    told = [[words[code] for code in of.tolist()] for of in again.norms.reason.values[0, 0, 0, 0]]
    zeros = [["ok"] * lag + ["cut"] * (12 - lag) + ["undefined"] for lag in (8, 6, 8)]
    assert told == zeros
    shown = gradlab_("show", place).out
    assert "\nmodel, sequences 0, 2\n  lag reason\n 0..7 ok\n8..11 cut\n" in shown
    assert "\nmodel, sequence 1\n  lag reason\n 0..5 ok\n6..11 cut\n" in shown
    assert "by lag. ok: a cotangent of 1 shows the gradient; cut: the gradient is" in " ".join(shown.split())
    assert "\n\n\n" not in shown
    document = documents.hold(gradlab_("show", place, "--json").out)
    first = {"cell": "model", "sequences": [0, 2], "first": 0, "last": 7, "reason": "ok", "state": "ok"}
    assert document["reasons"][0] == first
    assert [row["state"] for row in document["reasons"]] == ["ok", "exact_zero"] * 2
    again.report(tmp_path / "r.html")
    lines = (tmp_path / "r.md").read_text().splitlines()
    assert "### Reasons by lag at T = 12" in lines
    assert "| 0, 2 | 8 | 11 | cut | exact\\_zero |" in lines


def test_every_reason_has_a_state_and_a_meaning():
    assert [*reasons.MEANINGS, "undefined"] == list(REASONS)
    assert {"ok", *WORDS} == reasons.MEANINGS.keys()
    assert [word for word, code in REASONS.items() if code == OK] == ["ok", "rescaled"]


def test_many_ranges_are_cut_on_the_terminal():
    run = gradlab.Run.of(gradlab.reach(lambda xs: xs[-1], jnp.ones((60, 1)))).stored
    run.norms["reason"].values[...] = np.where(np.arange(61) % 2, 2, 0)
    lines = reasons.render(run, 80, color=False).plain.splitlines()
    assert sum(line.endswith((" ok", " cut")) for line in lines) == reasons.MOST
    assert "and 41 more; norms.nc has all" in lines


def test_runs_without_reasons_are_read(tmp_path):
    run = gradlab.Run.of(gradlab.reach(cut(8), XS)).stored
    older = dataclasses.replace(run, norms=run.norms.drop_vars("reason"))
    results.write(tmp_path / "old", older)
    again = gradlab.load(tmp_path / "old")
    assert "reason" not in again.norms
    assert "reason" not in again._repr_html_()
    assert reasons.document(again.stored) == []


def planted(norms, change):
    made = norms.copy(deep=True)
    change(made)
    return made


FAULTS = {
    "no reason": (lambda norms: norms.reason.values.__setitem__(..., 99), "holds what is no reason; 0 to 8"),
    "below": (lambda norms: norms.reason.values.__setitem__(..., -1), "holds what is no reason; 0 to 8"),
    "another": (lambda norms: norms.reason.values.__setitem__(..., 2), "does not go with the state of the"),
    "no model": (lambda norms: norms.attrs.pop("only"), "is of a model as a whole, and this run is of none"),
    "wide": (lambda norms: norms.update({"reason": norms.reason.astype("int64")}), "is int64 by"),
    "short": (lambda norms: norms.update({"reason": norms.reason.isel(lag=0, drop=True)}), "and not int8 by"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reason_that_cannot_be_is_refused(fault, tmp_path):
    change, said = FAULTS[fault]
    run = gradlab.Run.of(gradlab.reach(cut(8), XS)).stored
    results.write(tmp_path / "odd", dataclasses.replace(run, norms=planted(run.norms, change)))
    with pytest.raises(GradlabError, match=re.escape(said)) as caught:
        gradlab.load(tmp_path / "odd")
    assert caught.value.where.endswith("norms.nc:reason")


HALF = {"float16": jnp.float16, "bfloat16": jnp.bfloat16}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_is_kept_shown_reported_and_exported(name, tmp_path, monkeypatch):
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    place = kept(tmp_path, 8, dtype=HALF[name])
    again = gradlab.load(place)
    assert again.about["precision"] == again.norms.attrs["precision"] == name
    assert again.table()["regime"].tolist() == ["VANISH"]
    assert f"{name}: by the model's own passes, whose rounding is not known; a" in gradlab_("show", place).out
    assert name in again.report(tmp_path / "r.html").read_text()
    documents.hold((place / "run.json").read_text())
    for kind in ("csv", "netcdf", "openmetrics", "github_benchmark"):
        assert gradlab_("export", place, "--to", kind, "-o", tmp_path / kind).code == 0


def test_half_precision_is_of_models_as_a_whole_alone(tmp_path):
    run = gradlab.Run.of(gradlab.reach(cut(8), XS.astype(jnp.float16))).stored
    norms = run.norms.drop_vars("reason")
    del norms.attrs["only"]
    results.write(tmp_path / "odd", dataclasses.replace(run, norms=norms))
    said = r"run\.json:precision: is float16, in which only what gradlab\.reach gives is kept"
    with pytest.raises(GradlabError, match=said):
        gradlab.load(tmp_path / "odd")


def test_what_half_precision_may_move_follows_from_its_format():
    """16 (lag + 8) eps, given the forward pass, as in float32; a rate over the lags between both ends."""
    runs = {kind: gradlab.Run.of(gradlab.reach(cut(8), XS.astype(kind))).stored for kind in KINDS}
    rooms = {
        kind: {key.metric: one.within for key, one in numbers.side(run).series.items()}
        for kind, run in runs.items()
    }
    eps = {"float16": 2**-10, "bfloat16": 2**-7}
    for kind, one in eps.items():
        found = rooms[kind]
        assert found["reach[lag=5]"] == pytest.approx(16 * 13 * one / np.log(10))
        assert found["reach_rate"] == pytest.approx(16 * (8 + 19) * one / np.log(10) / 11)
        both = 16 * (8 + 19) * one / np.log(10)
        assert found["reach_soft_horizon"] == pytest.approx(min(12, both / np.log10(2)))
        assert found["reach_hard_horizon"] == found["hard_horizon"] == 0
    assert {rooms["float32"][name] for name in rooms["float32"] if "reach" in name} == {0}


def test_half_precision_is_held_against_a_baseline_and_another_run(tmp_path):
    """A change that its rounding explains passes, and would not in float32; a larger one fails in both."""
    status = {}
    for kind in ("float32", "float16"):
        place, xs = tmp_path / f"{kind}.json", XS.astype(kind)
        run = lambda factor, lag=8, xs=xs: gradlab.Run.of(gradlab.reach(cut(lag, factor), xs))
        baseline.write(place, baseline.create(run(0.5).stored))
        changed = {"same": run(0.5), "little": run(0.505), "much": run(0.4), "cut": run(0.5, 7)}
        for name, one in changed.items():
            status[kind, name] = "failed" in {found.status for found in one.check(baseline=place)}
    assert status == {
        ("float32", "same"): False,
        ("float32", "little"): True,
        ("float32", "much"): True,
        ("float32", "cut"): True,
        ("float16", "same"): False,
        ("float16", "little"): False,
        ("float16", "much"): True,
        ("float16", "cut"): True,
    }


def test_runs_in_two_precisions_are_told_apart():
    one, other = (gradlab.Run.of(gradlab.reach(cut(8), XS.astype(kind))).stored for kind in KINDS[:2])
    found = differences(one, other)
    assert ("precision", "float32", "float16") in found.settings
    assert {row.verdict for row in found.rows} == {"inconclusive"}

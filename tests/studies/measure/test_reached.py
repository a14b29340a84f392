"""What `gradlab.reach` finds is a run like all others: kept, read, checked and compared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.findings import baseline
from gradlab.report import explorer, sources
from gradlab.report.captions import caption
from gradlab.states import NOT_COMPUTED
from gradlab.studies.measure import reached
from gradlab.studies.sweep import table

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
    with pytest.raises(
        GradlabError, match=r"^result: model is in float16; runs are kept of float32 and float64"
    ):
        reached.of(gradlab.reach(cut(8), XS.astype(jnp.float16)))
    with pytest.raises(GradlabError, match=r"^result: .* has a last output that is not finite"):
        gradlab.Run.of(gradlab.reach(lambda xs: jnp.log(-xs[-1]), XS))

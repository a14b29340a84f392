"""A plot that has little to show says so, and what to ask for."""

import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.plots import _default
from gradlab.plots.learning_curves import learning_curves
from gradlab.plots.metrics import metrics
from gradlab.plots.rate_map import rate_map
from gradlab.plots.trainability import trainability
from gradlab.studies.sweep import results
from gradlab.studies.sweep.updates import UPDATE
from tests import samples
from tests.plots.comparisons import comparison


def sweep(**grid):
    norms = samples.norms(**grid)
    return results.Run({"command": "sweep"}, results.metrics(norms), norms)


@pytest.mark.parametrize("kind", registry.names("plots"))
def test_what_was_not_measured_is_asked_for_by_its_probe(kind):
    run = sweep()
    home = registry.home("plots", kind)
    if home.READS != "sweep" or set(home.NEEDS) <= set(run.norms.data_vars):
        return
    with pytest.raises(GradlabError) as error:
        _default.require_measured(kind, run, "KIND", "--probe {}")
    if UPDATE in home.NEEDS:
        assert "gradlab.Monitor" in error.value.what
        return
    probe = error.value.what.rpartition("measure it with --probe ")[2]
    assert set(home.NEEDS) <= set(registry.home("probes", probe).AXES)


def test_of_one_point_no_map_is_drawn_unasked():
    assert {"rate_map", "horizon"} <= set(_default.fitting(sweep()))
    assert {"rate_map", "horizon"}.isdisjoint(_default.fitting(sweep(w_rec=(0.9,))))
    assert "trainability" in _default.fitting(comparison(T=(20, 50), w_rec=(1.0,)))
    assert "trainability" not in _default.fitting(comparison(T=(20,), w_rec=(1.0,)))


def test_of_one_point_asked_for_the_title_says_what_it_takes():
    assert "--w-rec" in rate_map(sweep(w_rec=(0.9,))).get_suptitle()
    assert "--w-rec" not in rate_map(sweep()).get_suptitle()
    assert "one point" in trainability(comparison(T=(20,), w_rec=(1.0,))).get_suptitle()


def test_curves_of_one_evaluation_say_which_option_shows_the_way():
    run = comparison(T=(20,), w_rec=(1.0,), solves=lambda *at: 100)
    (text,) = [words.get_text() for words in learning_curves(run).axes[0].texts]
    assert "at update 100" in text
    assert "--eval-every" in text
    assert not learning_curves(comparison(T=(20,), w_rec=(1.0,))).axes[0].texts


def test_what_a_mean_is_over_is_said():
    title = metrics(sweep(seeds=3), y="half_life").get_suptitle()
    assert title.endswith("mean over T = 20, 50 and 3 seeds (band: all)")
    assert "T =" not in metrics(sweep(seeds=3), y="half_life", color="T").get_suptitle()
    assert metrics(sweep(), x="half_life", y="rate").get_suptitle().endswith("one dot per network")

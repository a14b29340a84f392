"""A given network has sequences, no seeds, and weights of its own, no w_rec: all that speaks says so."""

import re

import pytest
from matplotlib.text import Text

import gradlab
from gradlab import execute, registry
from gradlab.errors import GradlabError
from gradlab.experiments import load
from gradlab.plots import _default
from gradlab.studies import base
from gradlab.studies.measure.settings import Measure
from tests.studies.measure import given_networks

PROBES = ("saturation", "lyapunov", "error_flow", "jacobian_spectrum")
"""Further probes with plots of their own that an nn.RNN has."""
WRONG = re.compile(r"\bseeds?\b|w_rec")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("spoken")
    given_networks.write(home)
    return home


@pytest.fixture(scope="module", params=[pytest.param("ran", marks=pytest.mark.slow)])
def ran(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        words = {"columns": "a,b", "arch": "rnn", "activation": "tanh", "T": 7, "windows": 3, "probe": PROBES}
        settings = Measure("w.npz", "all.csv", **words)
        done = execute.run(settings)
        made = gradlab.Run(done.run)
        made.save(home / "mine")
        made.report(home / "page.html")
    return done.run


def kinds():
    """Those of one network at one gain; `metrics` is drawn over an axis that its user names."""
    homes = {kind: registry.home("plots", kind) for kind in registry.names("plots") if kind != "metrics"}
    return [kind for kind, home in homes.items() if home.READS == "sweep" and not getattr(home, "OVER", ())]


@pytest.mark.parametrize("kind", kinds())
def test_figures(ran, kind):
    home = registry.home("plots", kind)
    if not set(home.NEEDS) <= set(ran.norms.data_vars):
        pytest.skip("measured of no nn.RNN by these probes")
    figure = _default.made(ran, kind, {})
    said = [found.get_text() for found in figure.findobj(Text)]
    assert any("sequence" in one or "lag" in one for one in said)
    assert not [one for one in said if WRONG.search(one)]


def test_the_table(ran):
    said = base.of_run(ran).table(ran, 100, unicode=True, color=False).plain
    assert "this network's mean over 3 sequences" in " ".join(said.split())
    assert "mean over the sequences that have a value" in " ".join(said.split())
    assert not re.search(r"\bseeds?\b", said)
    row = next(line for line in said.splitlines() if "UNDECIDED" in line or "VANISH" in line)
    assert row.split()[0] == "own"


def test_the_page(home, ran):
    said = (home / "page.md").read_text().partition("## How it was made")[0]
    assert "How far back does the gradient of rnn reach over 7 steps?" in said
    assert "3 sequences each" in said
    assert not [line for line in said.replace("\\_", "_").splitlines() if WRONG.search(line)]


def test_its_run_json_is_no_settings_file(home, ran):
    with pytest.raises(GradlabError, match=r"is of the command 'measure', which no settings file asks for"):
        load.load(home / "mine" / "run.json")

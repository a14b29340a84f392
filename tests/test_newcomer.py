"""A member that is one new file: found wherever a user would look."""

import jax.numpy as jnp
import pytest

import gradlab.cells
import gradlab.metrics
import gradlab.plots
import gradlab.remedies
from gradlab import pytest as pytest_plugin
from gradlab import registry, testing
from gradlab.runs import documents
from tests.cli.calling import document
from tests.cli.calling import gradlab as command

FILE = '''"""Units in a ring, each fed by its neighbour."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Cell, Initializer, Input, Key, Scalar


class Params(NamedTuple):
    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "N N"]


class State(NamedTuple):
    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Ring(Cell[Params, State]):
    """Like Elman's network, with half of every state handed to the neighbour.

    h' = tanh(W_rec (h + shift(h)) / 2 + W_in x)
    """

    share: float = 0.5

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float)
        unit = initializer(key_rec, d_hidden).astype(w_in.dtype)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        mixed = (1 - self.share) * state.h + self.share * jnp.roll(state.h, 1)
        return State(jnp.tanh(params.w_rec @ mixed + params.w_in @ x))


DIAGRAM = """
any share
port h 0 2.4 h
port x 3 0.9 x
port h' 10.4 2.4 h'
layer ring 3 2.4 shift
squash a 6 2.4 tanh
h -- ring ~ step
x -- ring
ring -- a ~ step
a -- h' ~ step
"""
'''


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    (tmp_path / "ring.py").write_text(FILE)
    monkeypatch.setattr(gradlab.cells, "__path__", [*gradlab.cells.__path__, str(tmp_path)])
    return "ring"


def test_it_is_listed_with_its_equation_and_settings(newcomer):
    assert "  ring(share=0.5)" in command("list", "cells").out
    assert "did you mean ring?" in command("sweep", "--cell", "rnig", "--dry-run").err


def test_it_is_swept_under_its_label(newcomer, tmp_path):
    words = ("--cell", "ring(share=0.25)", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1.0")
    said = command("sweep", *words, "--out", tmp_path / "results", "--json", "--quiet")
    assert said.code == 0, said.err
    assert {row["cell"] for row in document(said.out)["data"]} == {"ring(share=0.25)"}


def test_its_diagram_is_drawn(newcomer, tmp_path):
    words = ("--cell", "ring(share=0.25)", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1.0")
    assert command("sweep", *words, "--out", tmp_path / "results", "--name", "one", "--quiet").code == 0
    (panel,) = gradlab.load(tmp_path / "results" / "one").plot("anatomy").axes
    assert {"shift", "tanh", "h'"} <= {text.get_text() for text in panel.texts}


def test_it_is_verified(newcomer):
    assert command("verify", newcomer, "--quiet").code == 0


@pytest.mark.parametrize("contract", testing.CELL, ids=lambda contract: contract.__name__)
def test_the_contracts_hold_it(newcomer, contract):
    assert newcomer in registry.names("cells")
    contract(registry.make("cells", newcomer))


PLOT = '''"""How far the gradient falls from lag to lag."""

from matplotlib.figure import Figure

from gradlab.plots import _style
from gradlab.studies.sweep.results import Run

READS = "sweep"
NEEDS = ("transport",)


def falls(run: Run, *, quantity: str = "transport") -> Figure:
    """The change of log10 transport from each lag to the next, first network of each cell."""
    figure, (panel,) = _style.panels(1)
    for cell in run.norms["cell"].values:
        values = run.norms[quantity].sel(cell=cell).isel(init=0, w_rec=0, T=-1, seed=0).sel(part="state")
        panel.plot(values["lag"].values[1:], values.diff("lag").values)
    return figure
'''


@pytest.fixture
def plot(tmp_path, monkeypatch):
    (tmp_path / "falls.py").write_text(PLOT)
    monkeypatch.setattr(gradlab.plots, "__path__", [*gradlab.plots.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    return "falls"


def test_a_plot_is_listed_swept_reported_and_asked_for(plot, tmp_path):
    assert "  falls(quantity=transport)" in command("list", "plots").out
    words = ("--cell", "elman", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1.0")
    assert command("sweep", *words, "--name", "one", "--quiet").code == 0
    run = tmp_path / "results" / "one"
    assert {"falls.svg", "falls.png"} <= {file.name for file in (run / "figures").iterdir()}
    assert command("report", run).code == 0
    page = (run / "report.html").read_text()
    assert "The change of log10 transport from each lag to the next" in page
    assert command("plot", run, plot, "-o", tmp_path / "asked.svg").code == 0
    assert gradlab.load(run).plot(plot) is not None
    (run / "figures" / "falls.png").unlink()
    assert command("sweep", *words, "--name", "one", "--quiet").code == 0
    assert (run / "figures" / "falls.png").exists()


REMEDY = '''"""Recurrent weights that are halved after every update."""

import jax

from gradlab.types import Remedy


def halve(*, by: float = 0.5) -> Remedy:
    """Multiply every parameter of the cell by a number, after each update.

    w' = by w
    """
    return Remedy(project=lambda params: jax.tree.map(lambda leaf: by * leaf, params))
'''


def test_a_remedy_is_listed_trained_and_completed(tmp_path, monkeypatch):
    (tmp_path / "halve.py").write_text(REMEDY)
    monkeypatch.setattr(gradlab.remedies, "__path__", [*gradlab.remedies.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    assert "  halve(by=0.5)" in command("list", "remedies").out
    budget = ("--hidden", "3", "--updates", "4", "--eval-every", "2", "--eval-size", "4")
    budget += ("--lr", "0.01", "--seeds", "2")
    said = command("remedies", "adding", "-r", "halve(by=0.9)", "-T", "6", *budget, "--json", "--quiet")
    assert said.code == 0, said.err
    assert [row["arm"] for row in document(said.out)["data"]] == ["none", "halve(by=0.9)"]


METRIC = '''"""Where the transport is largest."""

import numpy as np

from gradlab.metrics import Measured, Metric
from gradlab.profiles import stored
from gradlab.states import OK, UNDEFINED


class Peak(Metric):
    """Lag at which the transport is largest."""

    unit = "steps"
    bigger_is_better = True
    phrase = "is largest at lag {:g}"

    def measure(self, norms):
        value, state = stored(norms, "transport", "state")
        known = (state == OK).any(axis=-1)
        lag = np.argmax(np.where(state == OK, value, -np.inf), axis=-1)
        return Measured(np.where(known, lag, np.nan), np.where(known, OK, UNDEFINED).astype(np.int8))
'''
GRID = """
cell = ["elman(activation=identity)"]
w_rec = [0.5, 1.5]
T = [12]
hidden = 3
seeds = 6
"""
ASKED = f"""
question = "Where is the transport largest?"
[sweep]
{GRID}
[[claims]]
text = "At the last step, where it vanishes."
metric = "peak"
where = {{ w_rec = 0.5 }}
equals = 0.0
[[claims]]
text = "At the first, where it explodes."
metric = "peak"
where = {{ w_rec = 1.5 }}
above = 11.5
"""


@pytest.fixture
def metric(tmp_path, monkeypatch):
    (tmp_path / "peak.py").write_text(METRIC)
    monkeypatch.setattr(gradlab.metrics, "__path__", [*gradlab.metrics.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.toml").write_text(ASKED)
    return tmp_path / "results" / "asked"


def lines_of(text, start):
    return [line for line in text.splitlines() if line.startswith(start)]


def test_a_metric_is_listed_claimed_shown_reported_compared_and_exported(metric, tmp_path):
    assert "  peak\n    Lag at which the transport is largest." in command("list", "metrics").out
    assert "did you mean peak?" in command("run", _claim(tmp_path, "paek")).err
    judged = command("run", "asked.toml", "--quiet")
    assert judged.code == 0, judged.err
    assert "12,0,state,peak,0.0,ok" in (metric / "metrics.csv").read_text()

    shown = command("show", metric).out
    assert [line.split()[-2] for line in lines_of(shown, "   0.5") + lines_of(shown, "   1.5")] == ["0", "12"]
    assert "peak: lag at which the transport is largest." in " ".join(shown.split())
    rows = document(command("show", metric, "--json").out)["data"]
    assert [row["peak"] for row in rows] == [0.0, 12.0]

    assert command("report", metric).code == 0
    assert (
        "lag at which the transport is largest, in steps, median over seeds"
        in (metric / "report.html").read_text()
    )
    page = (metric / "report.md").read_text()
    assert "; lag at which the transport is largest: 0 " in page

    assert command("check", metric).code == 0
    assert command("baseline", "create", metric, "-o", "kept.json").code == 0
    assert command("check", metric, "--baseline", "kept.json").code == 0
    kept = (tmp_path / "kept.json").read_text()
    assert '"metric": "peak"' in kept
    (tmp_path / "kept.json").write_text(kept.replace('"0": 12.0', '"0": 4.0'))
    worse = command("check", metric, "--baseline", "kept.json")
    assert worse.code == 1
    assert "peak cell=elman(activation=identity)" in worse.out

    assert "elman(activation=identity),orthogonal,1.5,12,0,state" in exported(metric, "csv")
    assert ",peak," in exported(metric, "csv")
    gauge = 'gradlab_peak{cell="elman(activation=identity)",init="orthogonal",w_rec="1.5",T="12"} 12.0'
    assert gauge in exported(metric, "openmetrics")
    assert '"name": "peak elman(activation=identity) orthogonal w_rec=1.5 T=12"' in exported(
        metric, "github_benchmark"
    )
    assert command("plot", metric, "metrics(y=peak)", "-o", tmp_path / "peak.svg").code == 0
    assert "<!-- peak -->" in command_plot(metric, tmp_path, "horizon")


def test_a_metric_is_in_the_verdict_and_in_the_plugin_for_test_suites(metric):
    flow = pytest_plugin.measured(lambda w, h, x: w * h + x, 1.5, jnp.zeros(1), jnp.ones((12, 1)))
    assert flow.peak == 12
    assert "is largest at lag 12" in flow.sentence
    with pytest.raises(AttributeError, match="no metric called peek; there are half_life"):
        _ = flow.peek


def command_plot(run, tmp_path, kind):
    assert command("plot", run, kind, "-o", tmp_path / "one.svg").code == 0
    return (tmp_path / "one.svg").read_text()


def exported(run, kind):
    said = command("export", run, "--to", kind, "-o", run.parent / f"x.{kind}")
    assert said.code == 0, said.err
    return (run.parent / f"x.{kind}").read_text()


def _claim(tmp_path, metric, where="w_rec = 0.5"):
    text = f'question = "?"\n[sweep]\n{GRID}\n[[claims]]\ntext = "x"\nmetric = "{metric}"\n'
    (tmp_path / "one.toml").write_text(f"{text}where = {{ {where} }}\nbelow = 99.0\n")
    return "one.toml"


def test_a_run_is_read_without_the_metric_and_given_it_later(metric, monkeypatch):
    assert command("run", "asked.toml", "--quiet").code == 0
    assert documents.parsed((metric / "run.json").read_bytes())["metrics"] == ["peak"]
    monkeypatch.setattr(gradlab.metrics, "__path__", gradlab.metrics.__path__[:1])
    held = gradlab.load(metric)
    assert "peak" in set(held.stored.metrics["metric"])
    assert command("show", metric).code == 0
    assert command("sweep", *WORDS, "--name", "plain", "--quiet").code == 0
    before = command("show", metric.parent / "plain").out
    assert "peak" not in before
    monkeypatch.setattr(gradlab.metrics, "__path__", [*gradlab.metrics.__path__, str(metric.parents[1])])
    assert "peak" in command("show", metric.parent / "plain").out


WORDS = ("--cell", "elman", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1.0")


def test_a_metric_that_another_package_brings_is_found(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "peak.py").write_text(METRIC)
    about = tmp_path / "lab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gradlab.metrics]\npeak = lab.peak\nother = lab.peak\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.installed.cache_clear()
    registry.make.cache_clear()
    try:
        assert registry.further("metrics") == ["peak"]
        assert gradlab.metrics.named("peak").meaning == "Lag at which the transport is largest"
        assert gradlab.metrics.every()[-1].name == "peak"
    finally:
        registry.installed.cache_clear()
        registry.make.cache_clear()

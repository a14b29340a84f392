"""A member that is one new file: found wherever a user would look."""

import pytest

import gradlab.cells
import gradlab.metrics
import gradlab.plots
import gradlab.remedies
from gradlab import registry, testing
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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

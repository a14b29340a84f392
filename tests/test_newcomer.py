"""A cell that is one new file: listed, swept, verified and held to the contract like the others."""

import inspect

import jax
import pytest

import gradlab.cells
from gradlab import registry
from tests import test_contracts
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


def test_it_is_verified(newcomer):
    assert command("verify", newcomer, "--quiet").code == 0


CONTRACT = [
    name
    for name, check in vars(test_contracts.TestCell).items()
    if name.startswith("test_") and "w_rec" not in inspect.signature(check).parameters
]


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_suite_holds_it(newcomer, name):
    assert newcomer in registry.names("cells")
    check = getattr(test_contracts.TestCell(), name)
    given = {"spec": newcomer, "key": jax.random.key(1), "dtype": test_contracts.DTYPES[0]}
    check(**{key: given[key] for key in inspect.signature(check).parameters})

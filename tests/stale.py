"""A cell of one's own in a file that is edited between two runs of one command."""

import sys

import jax
import pytest

from gradlab import registry

CELL = """
import jax, jax.numpy as jnp

class Cell:
    def init(self, key, d_in, d_hidden, w_rec, initializer):
        u = jnp.ones((d_hidden, d_in))
        return {"w_rec": w_rec * initializer(key, d_hidden), "u": u}, jnp.zeros(d_hidden)

    def step(self, params, state, x):
        return jnp.tanh(params["w_rec"] @ state + params["u"] @ x)

    def readout(self, state):
        return state
"""
SWEEP = ("sweep", "--hidden", 3, "--seeds", 2, "-T", 4, "--w-rec", 1, "--quiet")
TRAIN = (
    "remedies",
    "latch",
    "-r",
    "none",
    "--hidden",
    3,
    "--seeds",
    2,
    "-T",
    6,
    "--updates",
    20,
    "--eval-every",
    10,
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the module of a cell into the current folder, and forget what was imported of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    # As a user has it.
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    jax.config.update("jax_numpy_rank_promotion", "allow")

    def written(text=CELL):
        sys.modules.pop("stale", None)
        registry.made.cache_clear()
        (tmp_path / "stale.py").write_text(text)
        for compiled in tmp_path.glob("__pycache__/*"):
            compiled.unlink()

    yield written
    sys.modules.pop("stale", None)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")

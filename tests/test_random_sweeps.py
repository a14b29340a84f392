"""Sweeps that nobody would think of: none ends with a bug, and what is measured agrees with itself."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.profiles import bound
from gradlab.states import NOT_COMPUTED, OK
from gradlab.studies.sweep import networks, program, results
from tests.cli.calling import gradlab

CELLS = (
    *registry.names("cells"),
    "elman(activation=identity)",
    "elman(activation=relu)",
    "lstm(forget_bias=2.0)",
    "stacked(cell=gru, layers=2)",
    "layer_norm(cell=lstm)",
    "residual(cell=elman)",
)
GAINS = ("0", "1e-30", "-1.3", "0.5,1.0,1.5", "0.99,1.01", "3", "40", "1e20", "1e37,1", "-1e-3")
TOGETHER = 10
"""Sweeps that one test draws."""


def drawn(rng):
    """The words of one sweep: small, and anywhere else."""
    pick = lambda *some: str(rng.choice(some))
    words = {
        "--cell": [str(cell) for cell in rng.choice(CELLS, rng.choice([1, 1, 2]), replace=False)],
        "--init": [pick(*(name for name in registry.names("initializers") if name != "critical"))],
        "--w-rec": [pick(*GAINS)],
        "--T": [pick("1", "2", "7", "3,30", "40", "300")],
        "--hidden": [pick("1", "2", "3", "5", "8", "17")],
        "--inputs": [pick("1", "1", "2", "5")],
        "--input-std": [pick("0", "0.1", "1", "30", "1e10", "1e-20")],
        "--batch": [pick("1", "1", "3")],
        "--seeds": [pick("1", "2", "6")],
        "--seed": [str(rng.integers(1000))],
        "--precision": [pick("float32", "float32", "float64")],
        "--objective": [pick("unit", "last", "every")],
    }
    return [word for option, values in words.items() for value in values for word in (option, value)]


def held(words, folder):
    """Run it, look at it again, hold its numbers against each other; how many singular values there are."""
    said = gradlab("sweep", *words, "--out", folder, "--name", "one", "--quiet")
    if said.code == 2:
        # Some cells refuse a start or a size: in one line, before anything is written.
        assert len(said.err.strip().splitlines()) == 1
        assert not folder.exists() or not list(folder.iterdir())
        return 0
    # An overflow of the forward pass is a failed point, and no more.
    assert said.code in (0, 3), said
    again = gradlab("show", folder / "one")
    assert again.code == 0, again
    run = results.read(folder / "one")
    precision, T = run.about["settings"]["precision"], int(run.norms["T"].max())
    whole = run.norms.isel(part=0)
    part = {name: whole[name].values for name in ("transport", "transport_frobenius")}
    code = {name: whole[f"{name}_state"].values for name in part}
    assert not (code["transport"] == NOT_COMPUTED).any()
    np.testing.assert_array_equal(code["transport"], code["transport_frobenius"])
    for name in run.norms.data_vars:
        if f"{name}_state" in run.norms:
            ok = run.norms[f"{name}_state"].values == OK
            np.testing.assert_array_equal(ok, np.isfinite(run.norms[name].values))
    ok = code["transport"] == OK
    for label, apart, there in zip(
        whole["cell"].values, part["transport"] - part["transport_frobenius"], ok, strict=True
    ):
        size = numbers(str(label), run.about["settings"])
        rounding = bound(precision, T) * math.sqrt(size)
        assert (apart[there] <= rounding).all()
        assert (apart[there] >= -math.log10(size) / 2 - rounding).all()
    return int(ok.sum())


def numbers(label, settings):
    """How many there are in the cell's state."""
    cell, zero = registry.make("cells", label), lambda key, n: jnp.zeros((n, n))
    init = lambda key: cell.init(key, settings["inputs"], settings["hidden"], 1.0, zero)
    _, state = jax.eval_shape(init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(state))


def check(tmp_path, first, count):
    there = 0
    for seed in range(first, first + count):
        words = drawn(np.random.default_rng(seed))
        try:
            there += held(words, tmp_path / str(seed))
        except Exception as error:
            raise AssertionError(f"gradlab sweep {' '.join(words)}") from error
    # Each is another program: so many of them would exhaust the address space.
    for made in (program.program, program.zeros_program, networks._drawing):
        made.cache_clear()
    jax.clear_caches()
    assert there > 0


@pytest.mark.slow
def test_a_few(tmp_path):
    check(tmp_path, 0, 2)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(20))
def test_two_hundred(tmp_path, batch):
    check(tmp_path, 1000 + TOGETHER * batch, TOGETHER)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(200))
def test_two_thousand(tmp_path, batch):
    check(tmp_path, 10_000 + TOGETHER * batch, TOGETHER)

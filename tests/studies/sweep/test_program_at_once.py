"""The whole measuring program in the form of a GPU, run on a CPU: it gives what the CPU's gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence import platforms
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.sweep import program as module
from gradlab.studies.sweep.program import Networks, capacity, program
from tests.tiers import few

T, N, B, COUNT = 19, 4, 2, 8


def networks(cell, precision):
    rng = np.random.default_rng(0)
    normal = registry.make("initializers", "gaussian")
    drawn = [cell.init(jax.random.key(seed), 1, N, 0.9, normal) for seed in range(COUNT)]
    params, state = jax.tree.map(lambda *leaves: np.stack(leaves), *drawn)
    xs = np.zeros((COUNT, B, capacity(T), 1))
    xs[:, :, :T] = rng.standard_normal((COUNT, B, T, 1))
    target = jax.tree.map(lambda leaf: rng.standard_normal((COUNT, B, *leaf.shape[1:])), state)
    cast = lambda leaf: np.asarray(leaf, precision)
    return jax.tree.map(cast, Networks(params, state, xs, target))


LINEAR = "elman(activation=identity)"
CASES = [(c, p) for c in (LINEAR, "elman", "lru", "min_gru", "indrnn") for p in ("float32", "float64")]


@pytest.mark.parametrize(("spec", "precision"), few(CASES, ((LINEAR, "float32"), ("lru", "float64"))))
def test_networks_side_by_side_give_the_same(spec, precision, monkeypatch):
    cell = registry.make("cells", spec)
    with jax.enable_x64(precision == "float64"):
        given = networks(cell, precision)
        here = program(cell, "unit", 2)(given, jnp.int32(T))
        monkeypatch.setattr(platforms, "on_cpu", lambda: False)
        monkeypatch.setattr(platforms, "options", lambda training=False: {})
        monkeypatch.setattr(module, "MANY", 4)
        there = program(cell, "unit", 2, fixed=T)(given, jnp.int32(T))
    bound = 1e-9 if precision == "float64" else 1e-4
    assert here.columns.keys() == there.columns.keys()
    for name, one in here.columns.items():
        lags = T + (name != "weight_gradient")
        a, b = (log10_norm(norm)[:, :, :lags] for norm in (one, there.columns[name]))
        np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
        known = np.isfinite(a)
        off = np.abs(a[known] - b[known]).max()
        # A singular value that is searched is exact to a tolerance.
        assert off < (1e-2 if name == "transport" and spec.startswith("elman") else bound), name
    np.testing.assert_array_equal(here.nonfinite, there.nonfinite)
    a, b = (log10_norm(found.gradient.norm) for found in (here, there))
    np.testing.assert_allclose(a, b, rtol=0, atol=bound)

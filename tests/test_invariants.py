"""What must hold of every cell at every size, from every start: norms that agree with each other."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.profiles import bound
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.recurrence.objectives import draw_target
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.states import FORWARD_NONFINITE, NOT_COMPUTED, OK
from gradlab.studies.sweep.arrays import collect
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import measure_one
from gradlab.types import ProbeContext
from tests.tiers import few

T, D = 100, 2
SIZES = (1, 2, 3, 64, 65)
SOME = {("lstm", 65)} | {(name, 3) for name in ("antisymmetric", "elman", "indrnn", "lru", "lstm")}
"""Always: full, diagonal and complex transports, one part and several."""
STARTS = ("identity", "orthogonal", "gaussian")
GAINS = (0.5, 1.0, 1.5)
OPTIONS = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Each program runs once: its compilation is what takes the time."""


@functools.cache
def starts(cell, n):
    """Initialisers that a state of n numbers allows, each as the cell has it."""
    return [registry.make("initializers", name) for name in STARTS]


def networks(cell, n, precision):
    """Every start and gain, stacked."""
    found = []
    for i, initializer in enumerate(starts(cell, n)):
        for gain in GAINS:
            key = jax.random.key(17 * n + i)
            found.append(cell.init(key, D, n, jnp.asarray(gain, float), initializer))
    stacked = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *found)
    return jax.tree.map(lambda leaf: leaf.astype(precision), stacked)


def measured(cell, n, precision="float32", length=T, probes=("adjoint", "transport")):
    """log10 norms and states of all networks, by column: (network, lag, ...)."""
    params, state = networks(cell, n, precision)
    xs = np.random.default_rng(n).standard_normal((length, D)).astype(precision)

    def one(params, state):
        target = draw_target("unit", stream(0, "target"), state, cell.readout)
        setup = ProbeContext(make_objective("unit", target, cell.readout), cell.recurrent, length)
        columns = {}
        for probe in probes:
            columns |= measure_one(cell.step, params, state, xs, setup, probe)
        columns.pop("gradient", None)
        return columns

    program = jax.jit(jax.vmap(one), compiler_options=OPTIONS)
    columns = jax.tree.map(lambda leaf: np.asarray(leaf)[:, None], program(params, state))
    nonfinite = columns.pop("nonfinite_step", np.zeros((len(columns["transport"].square), 1), np.int32))
    return {
        name: collect(column, nonfinite, False, length, column.square.shape[2])
        for name, column in columns.items()
    }


def held(cell, n, precision="float32", length=T, probes=("transport",)):
    """The invariants; how many singular values were held to them."""
    found = measured(cell, n, precision, length, probes)
    size = sum(leaf[0].size for leaf in jax.tree.leaves(networks(cell, n, precision)[1]))
    (sigma, code), (frobenius, whole) = found["transport"], found["transport_frobenius"]
    sigma, code = sigma[..., 0], code[..., 0]
    assert (code != NOT_COMPUTED).all()
    # A transport and its Frobenius norm are there, or are not, together.
    np.testing.assert_array_equal(code, whole[..., 0])
    ok = code == OK
    rounding = bound(precision, length) * math.sqrt(size)
    apart = (sigma - frobenius[..., 0])[ok]
    assert (apart <= rounding).all()
    assert (apart >= -math.log10(size) / 2 - rounding).all()
    if "adjoint" in found:
        # A unit cotangent is stretched by at most the largest singular value.
        adjoint, there = found["adjoint"]
        both = ok & (there[..., 0] == OK)
        assert (adjoint[..., 0][both] <= sigma[both] + TOLERANCE[precision] + rounding).all()
    # Squares of the parts' norms add up to that of the whole.
    if frobenius.shape[-1] > 1:
        parts = np.where(whole[..., 1:] == OK, 2 * (frobenius[..., 1:] - frobenius[..., :1]), -np.inf)
        np.testing.assert_allclose((10.0**parts).sum(-1)[ok], 1, rtol=1e-4)
    assert ((code == OK) == np.isfinite(sigma)).all()
    return int(ok.sum())


@pytest.mark.ends
@pytest.mark.parametrize(
    ("name", "n"),
    few(itertools.product(registry.names("cells"), SIZES), SOME, lambda one: one[1] in (1, 65)),
)
def test_norms_agree_with_each_other_in_every_cell_at_every_size(name, n):
    assert held(registry.make("cells", name), n) >= len(STARTS) * len(GAINS)


@pytest.mark.parametrize("n", few([257, 128], (), (257,)))
@pytest.mark.parametrize("name", registry.names("cells"))
def test_norms_agree_with_each_other_in_large_states(name, n):
    assert held(registry.make("cells", name), n, "float32", 20) > 0


@pytest.mark.parametrize("n", few(SIZES, (), (65,)))
@pytest.mark.parametrize("name", registry.names("cells"))
def test_norms_agree_with_each_other_in_float64(name, n):
    # A layer norm of one or two numbers is constant, or nearly: its derivative is what cancellation leaves,
    # 10^-6 of its terms, and so two ways to it agree in float64 alone.
    assert held(registry.make("cells", name), n, "float64", probes=("adjoint", "transport")) > 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "lru", "esn"])
def test_norms_agree_with_each_other_at_1024_units(name):
    assert held(registry.make("cells", name), 1024, length=8) > 0


@pytest.mark.parametrize("name", few(["elman", "gru", "lstm", "lru"], ("elman",)))
def test_a_unit_cotangent_is_stretched_by_no_more_than_the_largest_singular_value(name):
    assert held(registry.make("cells", name), 3, probes=("adjoint", "transport")) > 0


def test_no_cell_overflows_everywhere():
    """The invariants above are about something: a network whose forward pass is not finite has no norms."""
    found = measured(registry.make("cells", "elman"), 3)
    assert (found["transport"][1] != FORWARD_NONFINITE).all()

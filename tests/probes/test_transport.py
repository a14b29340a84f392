"""The transport: exact arithmetic, an explicit product of Jacobians, closed forms, sampled directions."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab.initializers.orthogonal import orthogonal
from gradlab.probes.transport import DIRECTIONS
from gradlab.profiles import rate
from gradlab.unroll import bound
from tests import oracle
from tests.probes.networks import measured, network

LONGEST = 1000
SPECS = [
    *(f"elman(activation={name})" for name in ("tanh", "relu", "sigmoid", "identity")),
    "gru",
    "gru(reset=after)",
    "lstm",
]
CASES = [(spec, 200) for spec in SPECS] + [(spec, LONGEST) for spec in ("elman", "gru", "lstm")]
# As in test_adjoint. With at most six singular values the Lanczos steps run to the end: exact up to rounding.
LIMIT = {"float64": lambda T: 1e-9, "float32": lambda T: bound("float32", T)}


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("spec", "T"), CASES)
def test_equals_the_50_digit_product(spec, T, precision):
    net = network(spec, LONGEST, dtype=precision)
    found = measured(net, "transport", length=T)
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:T])
    exact = oracle.transport(net.cell, net.params, states, net.xs[:T])
    assert oracle.relative_log10(found["transport_frobenius"][:, 0], exact.frobenius) < LIMIT[precision](T)
    assert oracle.relative_log10(found["transport"][:, 0], exact.largest) < LIMIT[precision](T)
    assert found["transport"].shape[1] == 1


def explicit(net, length):
    """dstate_T/dstate_t by lag in float64, at the states of the network's own precision; no rescaling."""
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:length])
    wide = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)
    params, xs = wide(net.params), wide(net.xs)
    flat = np.concatenate(jax.tree.leaves(wide(states)), axis=1)
    unravel = ravel_pytree(wide(net.state))[1]
    step = lambda v, x: ravel_pytree(net.cell.step(params, unravel(v), x))[0]
    jacobians = np.asarray(jax.jit(jax.vmap(jax.jacrev(step)))(flat[:-1], xs[:length]))
    products = [np.eye(flat.shape[1])]
    for jacobian in jacobians[::-1]:
        products.append(products[-1] @ jacobian)
    return products


LENGTH = 60


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(
    ("spec", "n", "w_rec"), [("elman", 32, 1.5), ("lstm", 16, 1.0), ("elman(activation=identity)", 32, 1.0)]
)
def test_equals_the_svd_of_the_explicit_product(spec, n, w_rec, precision):
    """The largest singular value is a lower bound, tight to 1e-3 in float64 and to 2e-2 in float32.

    A Krylov space holds a Ritz value from below: it can miss by a share, never exceed. 64 steps a call are
    twice the size of the matrix here; the fewer ones in float32 lean on the start kept from the call before.
    """
    net = network(spec, LENGTH, n=n, w_rec=w_rec, dtype=precision)
    found = measured(net, "transport")
    products = explicit(net, LENGTH)
    eps = np.finfo(precision).eps
    frobenius = 10 ** found["transport_frobenius"][:, 0] / [np.linalg.norm(p) for p in products]
    # Errors of a step are independent and mostly average out: 1e-12 is 4500 eps, 1e-5 is 84 eps.
    np.testing.assert_allclose(frobenius, 1, rtol=1e-12 if precision == "float64" else 1e-5)
    largest = 10 ** found["transport"][:, 0] / [np.linalg.norm(p, 2) for p in products]
    # The product itself is known to bound(); from above that is all that is allowed.
    assert (largest <= 1 + bound(precision, LENGTH) + 64 * eps).all()
    assert (largest >= 1 - (1e-3 if precision == "float64" else 2e-2)).all()


def test_a_part_has_the_frobenius_norm_of_its_columns():
    net = network("lstm", LENGTH, n=16)
    found = measured(net, "transport")["transport_frobenius"]
    assert net.state._fields == ("h", "c")
    for lag, product in enumerate(explicit(net, LENGTH)):
        for column, columns in ((1, slice(0, 16)), (2, slice(16, 32))):
            assert 10 ** found[lag, column] == pytest.approx(np.linalg.norm(product[:, columns]), rel=1e-12)
    np.testing.assert_allclose(
        10 ** (2 * found[:, 0]), 10 ** (2 * found[:, 1]) + 10 ** (2 * found[:, 2]), rtol=1e-12
    )


LINEAR = "elman(activation=identity)"


@pytest.mark.parametrize("w_rec", [0.5, 0.9, 1.0, 1.5])
def test_the_rate_of_a_linear_orthogonal_cell_is_the_logarithm_of_its_weight(w_rec):
    """Every singular value of the product is w_rec^lag, at every length, with one program for all."""
    net = network(LINEAR, 2000, n=8, w_rec=w_rec, initializer=orthogonal)
    for T in (25, 50, 200, 2000):
        found = measured(net, "transport", length=T)
        slope = rate(found["transport"][:, 0], np.zeros(T + 1, np.int8))
        assert float(slope.value) == pytest.approx(math.log10(w_rec), abs=1e-6)
        # The drawn matrix is orthogonal to about eps, so lag steps are off by lag eps: 2e-13 decades at 2000.
        assert found["transport"][T, 0] == pytest.approx(T * math.log10(w_rec), abs=1e-9)
        truth = T * math.log10(w_rec) + math.log10(8) / 2
        assert found["transport_frobenius"][T, 0] == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("w", [0.5, 2.0])
def test_a_scalar_network_keeps_its_power_over_3000_decades(w):
    T = 10_000
    net = network(LINEAR, T, n=1, d=1, w_rec=1.0, dtype="float32", bias=0)
    params = net.params._replace(w_rec=jnp.full((1, 1), w, jnp.float32))
    found = measured(
        net._replace(params=params, state=net.state._replace(h=jnp.zeros(1, jnp.float32)), xs=0 * net.xs),
        "transport",
    )
    truth = np.arange(T + 1) * math.log10(w)
    # A power of two leaves every mantissa alone: only the float64 product with log10(2) rounds.
    np.testing.assert_allclose(found["transport_frobenius"][:, 0], truth, rtol=1e-14, atol=0)
    # Bisection ends at its last bit: a float32 eps, 5e-8 decades.
    np.testing.assert_allclose(found["transport"][:, 0], truth, rtol=0, atol=2e-7)


WIDE = 160


@pytest.mark.parametrize("w_rec", [0.8])
def test_of_a_wide_linear_orthogonal_cell_the_sampled_directions_tell_all(w_rec):
    """Orthonormal rows times an orthogonal matrix stay orthonormal: the estimate has no variance here."""
    T = 20
    net = network(LINEAR, T, n=WIDE, w_rec=w_rec, initializer=orthogonal, dtype="float32")
    assert WIDE > DIRECTIONS
    found = measured(net, "transport")
    lag = np.arange(T + 1)
    limit = bound("float32", T)
    np.testing.assert_allclose(10 ** found["transport"][:, 0] / w_rec**lag, 1, rtol=limit)
    frobenius = 10 ** found["transport_frobenius"][:, 0]
    np.testing.assert_allclose(frobenius / (w_rec**lag * math.sqrt(WIDE)), 1, rtol=limit)


def test_of_a_wide_cell_the_frobenius_norm_is_estimated_and_the_largest_value_bounded_below():
    """128 of 160 random directions hold a share of each singular vector that is Beta(64, 16).

    That is 0.8 -+ 0.044, so the norm of a product of rank one would be off by 2.8 % (one sigma); more
    directions average. 8 % is three sigma of the worst case. The rows followed are a compression, so
    their largest singular value is at most the true one and, by the same share, at least 0.8 of it.
    """
    T = 20
    net = network("elman", T, n=WIDE, w_rec=1.2, dtype="float32", bias=0.1)
    found = measured(net, "transport")
    products = explicit(net, T)
    frobenius = 10 ** found["transport_frobenius"][:, 0] / [np.linalg.norm(p) for p in products]
    assert frobenius[0] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(frobenius, 1, rtol=0.08)
    assert np.abs(frobenius - 1).max() > 1e-4
    largest = 10 ** found["transport"][:, 0] / [np.linalg.norm(p, 2) for p in products]
    assert (largest <= 1 + bound("float32", T)).all()
    assert (largest > 0.8).all()


def test_a_recurrent_weight_of_zero_is_exactly_zero_from_lag_one():
    found = measured(network("elman", LONGEST, w_rec=0.0), "transport", length=20)
    for column in ("transport", "transport_frobenius"):
        assert np.isfinite(found[column][0, 0])
        np.testing.assert_array_equal(found[column][1:], -np.inf)


def test_one_dead_unit_leaves_a_rank_and_all_dead_leave_nothing():
    net = network("elman(activation=relu)", LONGEST)
    of_bias = lambda *b: net._replace(params=net.params._replace(b=jnp.asarray(b)))
    dead = measured(of_bias(-1e3, -1e3, -1e3), "transport", length=20)
    np.testing.assert_array_equal(dead["transport"][1:], -np.inf)
    one = measured(of_bias(50.0, -1e3, -1e3), "transport", length=20)
    # A single live unit makes the product of rank one: both norms are the same number.
    assert np.isfinite(one["transport"]).all()
    np.testing.assert_allclose(one["transport"][1:, 0], one["transport_frobenius"][1:, 0], rtol=0, atol=1e-12)

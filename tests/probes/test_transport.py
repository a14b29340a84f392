"""The transport: exact arithmetic, an explicit product of Jacobians, closed forms."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.initializers.orthogonal import orthogonal
from gradlab.profiles import bound, rate
from gradlab.recurrence.lanczos import TOLERANCE
from tests import oracle
from tests.probes.networks import explicit, measured, network
from tests.tiers import few

LONGEST = 1000
SPECS = [
    *(f"elman(activation={name})" for name in ("tanh", "relu", "sigmoid", "identity")),
    "gru",
    "gru(reset=after)",
    "lstm",
]
CASES = [(spec, 200) for spec in SPECS] + [(spec, LONGEST) for spec in ("elman", "gru", "lstm")]
SOME = (("elman(activation=relu)", 200), ("gru", 200), ("lstm", LONGEST))
# As in test_adjoint. With at most six singular values the Lanczos steps run to the end: exact up to rounding.
LIMIT = {"float64": lambda T: 1e-9, "float32": lambda T: bound("float32", T)}


@pytest.mark.parametrize(
    ("spec", "T", "precision"),
    few(
        [(*case, precision) for case in CASES for precision in ("float64", "float32")],
        (("gru", 200, "float64"),),
    ),
)
def test_equals_the_50_digit_product(spec, T, precision):
    net = network(spec, LONGEST, dtype=precision)
    found = measured(net, "transport", length=T)
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs[:T])
    exact = oracle.transport(net.cell, net.params, states, net.xs[:T])
    assert oracle.relative_log10(found["transport_frobenius"][:, 0], exact.frobenius) < LIMIT[precision](T)
    assert oracle.relative_log10(found["transport"][:, 0], exact.largest) < LIMIT[precision](T)
    assert found["transport"].shape[1] == 1


LENGTH = 60


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(
    ("spec", "n", "w_rec"),
    few(
        [("elman", 32, 1.5), ("lstm", 16, 1.0), ("elman(activation=identity)", 32, 1.0)], [("elman", 32, 1.5)]
    ),
)
def test_equals_the_svd_of_the_explicit_product(spec, n, w_rec, precision):
    """The largest singular value is at most the true one, and within the certified tolerance of it."""
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
    assert (largest >= 1 - TOLERANCE[precision]).all()


@pytest.mark.slow
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


def test_of_a_wide_state_both_norms_are_those_of_the_whole_product():
    """One unit of 160 keeps 0.99 and the others 0.5: nothing that samples directions sees it in full."""
    T, wide = 40, 160
    net = network(
        LINEAR, T, n=wide, w_rec=1.0, initializer=lambda key, n: jnp.eye(n), dtype="float32", bias=0
    )
    kept = jnp.diag(jnp.full(wide, 0.5, jnp.float32).at[7].set(0.99))
    found = measured(net._replace(params=net.params._replace(w_rec=kept)), "transport")
    lag = np.arange(T + 1)
    np.testing.assert_allclose(10 ** found["transport"][:, 0], 0.99**lag, rtol=TOLERANCE["float32"])
    frobenius = np.sqrt(0.99 ** (2 * lag) + 159 * 0.25**lag)
    np.testing.assert_allclose(10 ** found["transport_frobenius"][:, 0], frobenius, rtol=bound("float32", T))
    assert 10 ** found["transport"][T, 0] == pytest.approx(0.669, abs=1e-3)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_of_a_wide_cell_the_singular_value_is_lapacks(precision):
    T = 20
    net = network("elman", T, n=160, w_rec=1.2, dtype=precision, bias=0.1)
    found = measured(net, "transport")
    products = explicit(net, T)
    frobenius = 10 ** found["transport_frobenius"][:, 0] / [np.linalg.norm(p) for p in products]
    np.testing.assert_allclose(frobenius, 1, rtol=bound(precision, T))
    largest = 10 ** found["transport"][:, 0] / [np.linalg.norm(p, 2) for p in products]
    assert (np.abs(largest - 1) < TOLERANCE[precision] + bound(precision, T)).all()


@pytest.mark.ends
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 2, 3, 64, 65])
@pytest.mark.parametrize(
    "kind", ["random", "diagonal", "spread", "triangular", "rank one", "zero", "nilpotent", "orthogonal"]
)
def test_the_largest_singular_value_lies_between_its_bounds(kind, n, precision):
    """Frobenius / sqrt(S) <= sigma <= Frobenius for powers of any matrix, and sigma is LAPACK's.

    Entries over the whole range of the dtype, but for a factor n at either end, which products sum over.
    """
    T = 12
    rng = np.random.default_rng(n)
    top = np.log10(np.finfo(precision).max) - np.log10(n) - 1
    normal = rng.standard_normal((n, n))
    matrix = {
        "random": normal,
        "diagonal": np.diag(2.0 ** -np.arange(n)),
        "spread": np.diag(10.0 ** rng.uniform(-top + 1, top, n)),
        "triangular": np.tril(normal),
        "rank one": np.outer(normal[0], normal[:, 0]) * 10.0 ** (0.3 * top),
        "zero": 0 * normal,
        "nilpotent": np.triu(normal, 1),
        "orthogonal": np.linalg.qr(normal)[0] * 10.0 ** (-0.9 * top),
    }[kind].astype(precision)
    net = network(LINEAR, T, n=n, dtype=precision, bias=0)
    still = net.state._replace(h=0 * net.state.h)
    params = net.params._replace(w_rec=jnp.asarray(matrix))
    found = measured(net._replace(params=params, state=still, xs=0 * net.xs), "transport", length=T)
    sigma, frobenius = found["transport"][:, 0], found["transport_frobenius"][:, 0]
    np.testing.assert_array_equal(np.isneginf(sigma), np.isneginf(frobenius))
    alive = ~np.isneginf(sigma)
    assert np.isfinite(sigma[alive]).all()
    # Thousands of decades have an ulp of their own.
    rounding = bound(precision, T) * n / np.log(10) + 4 * np.spacing(float(T * (top + 3)))
    assert (sigma[alive] <= frobenius[alive] + rounding).all()
    assert (sigma[alive] >= frobenius[alive] - np.log10(n) / 2 - rounding).all()
    power, log = np.eye(n), 0.0
    for lag in range(T + 1):
        if alive[lag]:
            exact = log + np.log10(np.linalg.norm(power, 2))
            assert sigma[lag] == pytest.approx(exact, abs=TOLERANCE[precision] / np.log(10) + rounding)
        power = power @ matrix.astype(np.float64) if precision == "float32" else power @ matrix
        size = np.abs(power).max()
        power, log = (power / size, log + np.log10(size)) if size > 0 else (power, log)


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

"""The transport: exact arithmetic, an explicit product of Jacobians, closed forms, bounds."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from jax.extend import core
from jax.flatten_util import ravel_pytree

from gradlab.initializers.orthogonal import orthogonal
from gradlab.profiles import bound, rate
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.recurrence.pullback import pullback
from tests import oracle
from tests.probes.networks import measured, network
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


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(
    ("spec", "T"), few(CASES, (("elman(activation=relu)", 200), ("gru", 200), ("lstm", LONGEST)))
)
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


def in_float64(jaxpr, consts, args):
    """The program of a jaxpr, every operation of it carried out in float64."""
    wide = lambda a: jnp.asarray(a, jnp.float64 if jnp.issubdtype(jnp.result_type(a), jnp.floating) else None)
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], map(wide, [*consts, *args]), strict=True))
    read = lambda var: wide(var.val) if isinstance(var, core.Literal) else known[var]
    for eqn in jaxpr.eqns:
        ins, params = [read(var) for var in eqn.invars], dict(eqn.params)
        if eqn.primitive.name == "jit":
            outs = in_float64(params["jaxpr"].jaxpr, params["jaxpr"].consts, ins)
        else:
            kinds = {"new_dtype", "dtype", "preferred_element_type"} & params.keys()
            params |= {key: np.dtype("float64") for key in kinds if params[key] == np.float32}
            outs = eqn.primitive.bind(*ins, **params)
            outs = outs if eqn.primitive.multiple_results else [outs]
        known |= dict(zip(eqn.outvars, outs, strict=True))
    return [read(var) for var in jaxpr.outvars]


def given_the_forward_pass(net):
    """Frobenius norms by lag, the way back in float64 from what the steps of a float32 network have kept."""
    one = pullback(net.cell.step, net.params, net.state, net.xs[0])
    ahead, state, kept = jax.jit(one.forward), net.state, []
    for x in net.xs:
        state, values = ahead(state, x)
        kept.append(values)
    flat, unravel = ravel_pytree(net.state)
    pull = jax.make_jaxpr(lambda values, v: ravel_pytree(one.pull(values, unravel(v))[1])[0])(kept[0], flat)
    rows = jax.jit(
        jax.vmap(lambda values, v: in_float64(pull.jaxpr, pull.consts, [*values, v])[0], (None, 0))
    )
    product, norms = jnp.eye(flat.size, dtype=jnp.float64), []
    for values in [None, *kept[::-1]]:
        product = product if values is None else rows(values, product)
        norms.append(np.linalg.norm(product))
    return norms


def test_the_bound_of_a_stack_of_layer_norms_is_given_its_forward_pass():
    """From zero states a layer norm divides by what is nearly 0, and amplifies the rounding within a step.

    The derivative at the same states, in float64, differs by more than the bound; with the values that
    float32 has computed within each step it does not.
    """
    T, limit, worst = 23, bound("float32", 23), 0.0
    for seed in (4, 6, 11):
        net = network(
            "stacked(cell=layer_norm, layers=3)", T, n=4, w_rec=1.0, dtype="float32", seed=seed, bias=0
        )
        net = net._replace(state=jax.tree.map(jnp.zeros_like, net.state))
        found = 10 ** measured(net, "transport")["transport_frobenius"][:, 0]
        np.testing.assert_allclose(found, given_the_forward_pass(net), rtol=limit)
        at_its_states = [np.linalg.norm(product) for product in explicit(net, T)]
        worst = max(worst, np.abs(found / at_its_states - 1).max())
    assert limit < worst < 0.01


def rotated(diagonal, above, v):
    """Q B Q^T with Q = 1 - 2 v v^T: B has `diagonal`, and `above` it in blocks of two."""
    n = len(diagonal)
    blocks = np.diag(diagonal)
    blocks[np.arange(0, n, 2), np.arange(1, n, 2)] = above
    blocks -= 2 * np.outer(v, v @ blocks)
    return blocks - 2 * np.outer(blocks @ v, v)


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_of_4096_numbers_the_largest_singular_value_is_that_of_its_blocks(precision):
    """2048 blocks ((a, c), (0, b)) in a basis that mixes all: the powers' singular values are the blocks'.

    All lie close together, and the greatest by far from alone: the hardest for a Lanczos method.
    """
    n, T, rng = 4096, 6, np.random.default_rng(4)
    diagonal, above = rng.uniform(0.9, 1.0, n), rng.uniform(0, 0.5, n // 2)
    v = rng.standard_normal(n)
    matrix = rotated(diagonal, above, v / np.linalg.norm(v))
    found = power_norms(matrix.astype(precision), T)
    blocks = np.zeros((n // 2, 2, 2))
    blocks[:, 0, 0], blocks[:, 1, 1], blocks[:, 0, 1] = diagonal[::2], diagonal[1::2], above
    power = np.broadcast_to(np.eye(2), blocks.shape)
    for lag in range(T + 1):
        exact = np.linalg.norm(power, 2, axis=(1, 2)).max()
        assert found[lag] == pytest.approx(exact, rel=0.01 if precision == "float32" else 0.001)
        power = power @ blocks


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_of_4096_numbers_in_a_dense_network_it_is_lapacks(precision):
    n, T = 4096, 2
    matrix = (np.random.default_rng(5).standard_normal((n, n)) / math.sqrt(n)).astype(precision)
    found = power_norms(matrix, T)
    power = np.eye(n)
    for lag in range(T + 1):
        # The norm of a square is that of its Gram matrix: LAPACK's greatest eigenvalue alone.
        gram = power @ power.T
        (top,) = scipy.linalg.eigvalsh(gram, subset_by_index=[n - 1, n - 1])
        assert found[lag] == pytest.approx(math.sqrt(top), rel=0.01 if precision == "float32" else 0.001)
        power = power @ matrix.astype(np.float64)


def power_norms(matrix, T):
    """The largest singular values of the powers 0..T, as gradlab finds them; none is left out."""
    n, dtype = len(matrix), matrix.dtype
    net = network(LINEAR, T, n=2, d=1, dtype=dtype, bias=0)
    params = net.params._replace(
        w_rec=jnp.asarray(matrix), w_in=jnp.zeros((n, 1), dtype), b=jnp.zeros(n, dtype)
    )
    still = net.state._replace(h=jnp.zeros(n, dtype))
    return 10 ** measured(net._replace(params=params, state=still), "transport")["transport"][:, 0]


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

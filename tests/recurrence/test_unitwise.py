"""Blocks of units against the whole matrix: their products, singular values and norms, at every size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp

from gradlab.recurrence import powers, unitwise
from gradlab.recurrence.scaled import log10_norm
from tests.tiers import few

N = 5
DTYPES = ["float32", "float64"]


def drawn(m, dtype, seed=0, count=N):
    return np.random.default_rng(seed).standard_normal((m, m, count)).astype(dtype)


def times(product, factor):
    return unitwise.times(product, unitwise.Blocks(jnp.asarray(factor), jnp.zeros_like(product.exponent)))


def whole(blocks):
    """The matrix of all, number by number of the units."""
    m, _, count = blocks.shape
    return np.concatenate(
        [np.concatenate([np.diag(blocks[i, j].astype(float)) for j in range(m)], axis=1) for i in range(m)]
    ).reshape(m * count, m * count)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 2])
def test_norms_of_products_are_those_of_the_whole_matrix(m, dtype):
    eps = float(np.finfo(dtype).eps)
    product, matrix = (
        unitwise.rescaled(jnp.asarray(np.eye(m, dtype=dtype)[..., None].repeat(N, 2))),
        np.eye(m * N),
    )
    for seed in range(12):
        factor = drawn(m, dtype, seed)
        product, matrix = times(product, factor), matrix @ whole(factor)
        sigma, frobenius = (
            log10_norm(f(product)) for f in (unitwise.largest_singular_value, unitwise.frobenius)
        )
        assert sigma == pytest.approx(np.log10(np.linalg.norm(matrix, 2)), abs=20 * eps)
        assert frobenius == pytest.approx(np.log10(np.linalg.norm(matrix)), abs=20 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "block",
    [
        np.zeros((2, 2)),
        np.eye(2),
        [[0, 1], [0, 0]],
        [[1, 1], [1, 1]],
        [[0.6, -0.8], [0.8, 0.6]],
        [[1, 1e-20], [0, 1e-30]],
        [[1e-30, 3e-30], [2e-30, -1e-30]],
        [[1e30, 3e30], [2e30, -1e30]],
        [[1, 1e-4], [1e-4, 1]],
    ],
)
def test_the_largest_singular_value_of_a_block_is_lapacks(block, dtype):
    block = np.asarray(block, dtype)
    found = log10_norm(unitwise.largest_singular_value(unitwise.rescaled(jnp.asarray(block[..., None]))))
    exact = np.linalg.norm(block.astype(float), 2)
    if exact:
        assert found == pytest.approx(np.log10(exact), abs=40 * float(np.finfo(dtype).eps))
    else:
        assert found == -np.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_unit_that_was_far_below_comes_back(dtype):
    """One shrinks to 2^-3000 of the other and grows back beyond it: both keep their range."""
    down, up = (jnp.asarray(np.array([[pair]]), dtype) for pair in ([1.0, 2.0**-100], [0.5, 2.0**101]))
    product = unitwise.rescaled(jnp.ones((1, 1, 2), dtype))
    for factor, steps in ((down, 30), (up, 30)):
        for _ in range(steps):
            product = times(product, factor)
    assert log10_norm(unitwise.largest_singular_value(product)) == pytest.approx(30 * np.log10(2), abs=1e-12)
    exact = np.log10(np.hypot(2.0**30, 2.0**-30))
    assert log10_norm(unitwise.frobenius(product)) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("count", [N, 10_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_makes_the_whole_unknown(bad, count):
    """XLA's maximum of many numbers may leave out a NaN."""
    value = drawn(2, "float32", count=count)
    value[1, 0, 3] = bad
    for norm in (unitwise.largest_singular_value, unitwise.frobenius):
        assert np.isnan(log10_norm(norm(unitwise.rescaled(jnp.asarray(value)))))


def test_a_leaf_has_the_columns_of_its_own():
    value = jnp.asarray(drawn(2, "float64"))
    state = {"a": jnp.zeros(N), "b": jnp.zeros(N)}
    _, a, b = (
        log10_norm(unitwise.frobenius(one)) for one in unitwise.by_leaf(unitwise.rescaled(value), state, (N,))
    )
    matrix = whole(np.asarray(value))
    np.testing.assert_allclose(10**a, np.linalg.norm(matrix[:, :N]), rtol=1e-12)
    np.testing.assert_allclose(10**b, np.linalg.norm(matrix[:, N:]), rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("above", [0.0, 0.5])
def test_a_number_of_a_unit_that_falls_far_below_the_other_keeps_its_norm(above, dtype):
    """((0.9, above), (0, 1e-3)): after 400 steps the second row is 1e-1200 where the first is 1e-18."""
    factor = jnp.asarray(np.array([[0.9, above], [0, 1e-3]])[..., None], dtype)
    product, exact = unitwise.rescaled(jnp.eye(2, dtype=dtype)[..., None]), mp.matrix([[1, 0], [0, 1]])
    step = jax.jit(times)
    with mp.workdps(50):
        for _ in range(400):
            product, exact = (
                step(product, factor),
                exact * mp.matrix(np.asarray(factor[..., 0], float).tolist()),
            )
        wanted = [float(mp.log10(mp.norm(exact[:, j]))) for j in (0, 1)]
    state = {"a": jnp.zeros(1, dtype), "b": jnp.zeros(1, dtype)}
    _, *found = (log10_norm(unitwise.frobenius(part)) for part in unitwise.by_leaf(product, state, (1,)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=400 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("count", "m", "adds"),
    few(
        [(c, m, a) for c in (1, 2, 5, 100) for m in (1, 2) for a in (False, True)],
        lambda case: case[:2] == (5, 2),
    ),
)
def test_chains_of_blocks_are_those_of_a_loop(count, m, adds):
    rng = np.random.default_rng(count)
    factors, terms = 0.7 * rng.standard_normal((count, m, m, N)), rng.standard_normal((count, 1, m, N))
    first = rng.standard_normal((1, m, N))
    some = [
        None if one is None else jax.vmap(unitwise.rescaled)(jnp.asarray(one))
        for one in (factors, terms if adds else None)
    ]
    found = jax.jit(unitwise.chained)(unitwise.rescaled(jnp.asarray(first)), *some)
    state = first
    for k in range(count + 1):
        if k:
            state = np.einsum("rin,ijn->rjn", state, factors[k - 1]) + adds * terms[k - 1]
        scale = 1 if adds else np.abs(state).max(axis=(0, 1))
        wrong = powers.scaled(found.value[k], found.exponent[k][:, None]) - state
        assert (np.abs(wrong) <= 1e-12 * scale).all()


def test_a_chain_leaves_every_range_and_comes_back():
    """Down by 2^-60 a step for 100 steps, in float32, and up again."""
    factors = np.full((200, 1, 1, 2), 2.0**-60, np.float32)
    factors[100:] = 2.0**60
    found = jax.jit(unitwise.chained)(
        unitwise.rescaled(jnp.ones((1, 1, 2), jnp.float32)), jax.vmap(unitwise.rescaled)(jnp.asarray(factors))
    )
    steps = 60 * np.r_[np.arange(101), np.arange(99, -1, -1)]
    np.testing.assert_array_equal(found.exponent[:, 0], np.broadcast_to(1 - steps[:, None], (201, 2)))


FORMS = {
    "one leaf": (lambda: jnp.zeros(N), (N,)),
    "two leaves": (lambda: {"h": jnp.zeros(N), "c": jnp.zeros(N)}, (N,)),
    "a pair in one leaf": (lambda: jnp.zeros((2, N)), (N,)),
    "a field": (lambda: jnp.zeros((3, N)), (3, N)),
    "two fields": (lambda: (jnp.zeros((3, N)), jnp.zeros((3, N))), (3, N)),
}


@pytest.mark.parametrize("form", FORMS)
def test_blocks_are_those_of_the_jacobian(form):
    made, shape = FORMS[form]
    state = made()
    leaves, structure = jax.tree.flatten(state)
    count = int(np.prod(shape))
    flat = lambda tree: jnp.concatenate([leaf.reshape(-1, *shape) for leaf in jax.tree.leaves(tree)])
    m = len(flat(state))
    slopes = jnp.asarray(drawn(m, "float64", count=count))
    own = slopes.reshape(m, m, *shape)

    def step(state):
        after = [sum(own[i, j] * jnp.sin(flat(state)[j]) for j in range(m)) for i in range(m)]
        rows = jnp.split(jnp.stack(after), np.cumsum([leaf.size // count for leaf in leaves])[:-1].tolist())
        pairs = zip(rows, leaves, strict=True)
        return jax.tree.unflatten(structure, [row.reshape(leaf.shape) for row, leaf in pairs])

    _, pull = jax.vjp(step, state)
    sent_back = lambda sent: pull(sent)[0]
    assert unitwise.units(sent_back, state) == shape
    np.testing.assert_allclose(unitwise.jacobian(sent_back, state, shape), slopes, rtol=1e-15)


@pytest.mark.parametrize(
    "state",
    [
        jnp.zeros(N, jnp.complex64),
        (jnp.zeros(N), jnp.zeros(N, jnp.float32)),
        (jnp.zeros(3), jnp.zeros(4)),
        [jnp.zeros(N)] * 3,
    ],
    ids=["complex", "two precisions", "two sizes", "three numbers of a unit"],
)
def test_other_states_have_no_units(state):
    assert unitwise.units(lambda sent: sent, state) is None

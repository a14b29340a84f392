"""All powers of a matrix, and sums of vectors through them, against exact arithmetic and a loop."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp, mpf

from gradlab import registry
from gradlab.recurrence import powers
from gradlab.recurrence.matrix_powers import plain_sums, repeated, squares, summed
from gradlab.recurrence.scaled import rescale
from tests import oracle
from tests.tiers import few

S = 5


@functools.partial(jax.jit, static_argnums=2)
def powers_of(first, matrix, count):
    return repeated(first, squares(matrix, count), count)


@jax.jit
def sums_of(terms, matrix):
    return summed(terms, squares(matrix, len(terms.exponent)))


@pytest.mark.parametrize(
    ("count", "size"),
    few([(c, s) for c in (0, 1, 2, 7, 300) for s in (0.3, 1.0, 40.0)], ((7, 1.0), (300, 0.3))),
)
def test_powers_are_those_of_exact_arithmetic(count, size):
    rng = np.random.default_rng(count)
    matrix, first = size * rng.standard_normal((S, S)), rng.standard_normal(S)
    found = powers_of(rescale(jnp.asarray(first)), jnp.asarray(matrix), count)
    assert len(found.exponent) == count + 1
    with mp.workdps(oracle.DIGITS):
        exact, step = mp.matrix(first.tolist()).T, mp.matrix(matrix.tolist())
        for value, exponent in zip(np.asarray(found.value), found.exponent.tolist(), strict=True):
            norm = mp.norm(exact)
            wrong = mp.norm(mp.matrix((value).tolist()).T * mpf(2) ** exponent - exact)
            assert wrong < 1e-10 * norm
            exact = exact * step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_of_a_scalar_keep_their_range(dtype):
    """Over 3000 decades; a power of two leaves every mantissa alone."""
    found = powers_of(rescale(jnp.ones(1, dtype)), jnp.full((1, 1), 2.0**-40, dtype), 300)
    np.testing.assert_array_equal(found.exponent, 1 - 40 * np.arange(301))
    np.testing.assert_array_equal(found.value[:, 0], 0.5)


@pytest.mark.parametrize("init", ["orthogonal", "gaussian"])
def test_powers_in_float32_are_off_by_few_roundings(init):
    """4096 steps one after the other are off by as much as at once: squares are in float64."""
    matrix = registry.make("initializers", init)(jax.random.key(0), 32).astype(jnp.float32)
    first = jax.random.normal(jax.random.key(1), (32,), jnp.float32)
    found = powers_of(rescale(first), matrix, 4096)
    exact = jax.jit(lambda f, m: powers_of(rescale(f), m, 4096))(*(x.astype(float) for x in (first, matrix)))
    shares = 2.0 ** (np.asarray(found.exponent) - np.asarray(exact.exponent))
    wrong = np.asarray(found.value, float) * shares[:, None] - np.asarray(exact.value)
    assert (
        np.linalg.norm(wrong, axis=1) < 40 * np.finfo(np.float32).eps * np.linalg.norm(exact.value, axis=1)
    ).all()


def test_powers_of_zero_and_of_a_nilpotent_matrix_end_in_zero():
    for matrix, alive in ((np.zeros((3, 3)), 1), (np.diag([1.0, 1.0], 1), 3)):
        found = powers_of(rescale(jnp.ones(3)), jnp.asarray(matrix), 40)
        assert (np.asarray(found.value)[:alive] != 0).any(axis=1).all()
        assert not np.asarray(found.value)[alive:].any()


@pytest.mark.parametrize("count", few([1, 2, 3, 64, 100], (1, 100)))
def test_sums_are_those_of_a_loop(count):
    rng = np.random.default_rng(count)
    matrix = 0.5 * rng.standard_normal((S, S))
    terms = rng.standard_normal((count, S)) * 10.0 ** rng.uniform(-3, 3, (count, 1))
    found = sums_of(jax.vmap(rescale)(jnp.asarray(terms)), jnp.asarray(matrix))
    plain = jax.jit(lambda terms, matrix: plain_sums(terms, squares(matrix, count)))(terms, matrix)
    state, most = np.zeros(S), 0.0
    for k in range(count):
        state = state @ matrix + terms[k]
        most = max(most, np.abs(state).max())
        ours = powers.scaled(found.value[k], found.exponent[k])
        np.testing.assert_allclose(ours, state, rtol=0, atol=1e-12 * most)
        np.testing.assert_allclose(plain[k], state, rtol=0, atol=1e-12 * most)


def test_plain_numbers_leave_their_format_where_a_loop_does():
    """Of 40 weights, side by side, each in float32."""
    weights = np.geomspace(1.5, 200, 40).astype(np.float32)
    terms = np.zeros((256, 40), np.float32)
    terms[0] = 1
    with jax.numpy_dtype_promotion("standard"):
        each = lambda term, w: plain_sums(term[:, None], squares(w[None, None], 256))[:, 0]
        found = jax.jit(jax.vmap(each, (1, 0), 1))(terms, weights)
    with np.errstate(over="ignore"):
        loop = np.cumprod(
            np.vstack([terms[:1], np.broadcast_to(weights, (255, 40))]), axis=0, dtype=np.float32
        )
    np.testing.assert_array_equal(np.isinf(found), np.isinf(loop))
    np.testing.assert_allclose(found, loop, rtol=256 * np.finfo(np.float32).eps)

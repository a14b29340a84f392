"""The largest singular value on its own: against numpy, from below, with a start that is carried along."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.lanczos import EARLY, Bidiagonal, bidiagonalise, first_start, largest_singular_value, steps

DTYPES = [np.float32, np.float64]


@jax.jit
def repeated(matrix, vector, calls):
    """The value after `calls` further calls on the same matrix, each from the start the last one left."""
    follow = lambda call, vector: bidiagonalise(matrix, vector, call)[1]
    coefficients, _ = bidiagonalise(matrix, jax.lax.fori_loop(0, calls, follow, vector), calls)
    return largest_singular_value(coefficients)


def value(matrix, calls=0):
    return float(repeated(matrix, first_start(len(matrix), matrix.dtype), jnp.int32(calls)))


def random(rows, columns, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 9), (9, 5)])
def test_a_small_matrix_is_exact(shape, dtype):
    """As many steps as rows span the space: what is left is rounding, a few eps of the value."""
    matrix = random(*shape, dtype)
    truth = np.linalg.norm(matrix.astype(np.float64), 2)
    assert value(matrix) == pytest.approx(truth, rel=32 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize(("dtype", "worst"), [(np.float32, 0.1), (np.float64, 1e-3)])
def test_a_large_matrix_is_bounded_from_below(dtype, worst):
    """A random 64 x 64 matrix has no gap at the top of its spectrum: the hard case, on the first call.

    Kaniel's and Paige's bound leaves k steps a share of about (ln(4 n) / 2 k)^2 / 2: 1.5 % for 16 steps on
    average and several times that for an unlucky start; 64 steps are the whole space.
    """
    for seed in range(5):
        matrix = random(64, 64, dtype, seed)
        truth = np.linalg.norm(matrix.astype(np.float64), 2)
        eps = float(np.finfo(dtype).eps)
        first, later = value(matrix) / truth, value(matrix, EARLY) / truth
        # From above only rounding may show: 64 products of 64 terms.
        assert 1 - worst < first <= 1 + 64 * eps
        # A later call starts from a better vector.
        assert 1 - worst < later <= 1 + 64 * eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_direction_that_had_died_out_comes_back_when_it_leads(dtype):
    """The start has turned into the first singular vector; then the second one takes the lead."""
    early = np.diag(np.array([1, 1e-3, 1e-3, 1e-3], dtype))
    late = np.diag(np.array([1e-3, 1, 1e-3, 1e-3], dtype))
    _, start = jax.jit(bidiagonalise)(early, first_start(4, dtype), 0)
    for call in range(1, 20):
        _, start = jax.jit(bidiagonalise)(early, start, call)
    coefficients, _ = jax.jit(bidiagonalise)(late, start, 20)
    assert float(largest_singular_value(coefficients)) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equal_singular_values_end_the_iteration_and_not_the_value(dtype):
    """An orthogonal matrix is done after one step: what follows is rounding, and must not add to it."""
    q = np.linalg.qr(random(20, 20, np.float64))[0].astype(dtype)
    for calls in (0, 5, 20):
        assert value(q, calls) == pytest.approx(1, rel=32 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_is_zero_and_nan_is_nan(dtype):
    assert value(np.zeros((4, 4), dtype)) == 0
    assert np.isnan(value(np.full((4, 4), np.nan, dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_start_has_length_one_and_no_zero(dtype):
    for rows in (1, 3, 128):
        start = np.asarray(first_start(rows, dtype))
        assert start.dtype == dtype
        assert np.linalg.norm(start) == pytest.approx(1, abs=1e-6)
        assert (start != 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_bisection_equals_the_svd_of_the_bidiagonal_matrix(dtype):
    width = steps(dtype, 64)[0]
    rng = np.random.default_rng(3)
    a, b = np.abs(rng.standard_normal((2, 7, width))).astype(dtype)
    a[0, 2:], b[0, 1:] = 0, 0
    found = jax.jit(largest_singular_value)(Bidiagonal(a, b))
    for i in range(7):
        # Lower bidiagonal: b[k] couples step k to step k + 1; the last b belongs to no row yet.
        matrix = np.diag(a[i].astype(np.float64)) + np.diag(b[i, :-1].astype(np.float64), -1)
        # Half the last bisection interval of a value between 1 and 2, and the rounding of the Sturm sequence.
        assert float(found[i]) == pytest.approx(np.linalg.norm(matrix, 2), rel=8 * float(np.finfo(dtype).eps))

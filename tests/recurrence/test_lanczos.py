"""The largest singular value on its own: against LAPACK, certified, with a start that is carried along."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence.lanczos import (
    SMALL,
    STEPS,
    TOLERANCE,
    Tridiagonal,
    first_start,
    largest_singular_value,
    steps,
    threshold,
    tridiagonalise,
)

DTYPES = ["float32", "float64"]
SIZES = [1, 2, 3, 64, 65]


@jax.jit
def each(matrices):
    """The value and its certificate for a sequence of matrices, each from the start the last one left."""

    def one(start, item):
        call, matrix = item
        coefficients, start = tridiagonalise(matrix, jnp.sum(matrix * matrix), start, call)
        return start, coefficients

    rows, dtype = matrices.shape[1], matrices.dtype
    calls = jnp.arange(len(matrices), dtype=jnp.int32)
    _, coefficients = jax.lax.scan(one, first_start(rows, dtype), (calls, matrices))
    return largest_singular_value(coefficients, rows)


def kinds(n, seed=0):
    """Matrices of every shape of spectrum, each with a peak of 1/2 to 1."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((n, n))
    found = {
        "gaussian": normal,
        "orthogonal": np.linalg.qr(normal)[0],
        "identity": np.eye(n),
        "rank one": np.outer(normal[0], rng.standard_normal(n)),
        "spread diagonal": np.diag(10.0 ** rng.uniform(-40, 0, n)),
        "even diagonal": np.diag(np.arange(1.0, n + 1)),
        "one above equals": np.diag(np.r_[1.05, np.ones(n - 1)]),
        "two close": np.diag(np.r_[1.0, np.full(n // 2, 0.999), np.full(n - 1 - n // 2, 0.5)][:n]),
        "triangular": np.tril(normal),
        "nilpotent": np.triu(normal, 1) if n > 1 else np.zeros((1, 1)),
        "zero": np.zeros((n, n)),
        "geometric rows": normal * 10.0 ** -np.arange(n)[:, None],
    }
    scale = lambda matrix: 0.9 * matrix / max(np.abs(matrix).max(), 1e-300)
    return {name: scale(matrix) for name, matrix in found.items()}


def truth(matrix):
    return np.linalg.norm(np.asarray(matrix, np.float64), 2)


@pytest.mark.ends
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_is_lapacks_value_for_every_shape_of_spectrum(n, dtype):
    """Certified in every case; and where the space is small, or the spectrum has a gap, to rounding.

    Three calls on each matrix: one that knows nothing, and two that start from what was found.
    """
    named = kinds(n)
    stack = np.repeat(np.stack(list(named.values())).astype(dtype), 3, axis=0)
    found = each(stack)
    exact = np.array([truth(matrix) for matrix in stack])
    assert np.asarray(found.certified).all(), list(named)
    error = (np.asarray(found.value, np.float64) - exact) / np.where(exact > 0, exact, 1)
    # A few eps for each step, of which there are about as many as numbers.
    rounding = (32 + 4 * n) * float(np.finfo(dtype).eps)
    # From above only rounding may show; from below what was promised. Zero is exactly zero.
    assert (error <= rounding).all()
    assert (error >= -(TOLERANCE[dtype] if n > SMALL else rounding)).all(), error
    assert (np.asarray(found.value)[exact == 0] == 0).all()


@pytest.mark.ends
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [3, 65])
def test_one_rounding_of_the_matrix_moves_the_value_by_no_more(n, dtype):
    """A rounding of every entry moves a singular value by at most sqrt(n) eps of the largest."""
    rng = np.random.default_rng(1)
    eps = float(np.finfo(dtype).eps)
    stack = np.stack(list(kinds(n).values())).astype(dtype)
    nudged = (stack * (1 + eps * rng.choice([-1, 1], stack.shape))).astype(dtype)
    # Interleaved, so that both start from nearly the same vector.
    pairs = each(np.stack([stack, nudged], axis=1).reshape(-1, n, n))
    first, second = np.asarray(pairs.value, np.float64).reshape(-1, 2).T
    assert np.asarray(pairs.certified).all()
    # Where the spectrum is dense, both are within the tolerance and no nearer to each other than that.
    limit = 64 * eps if n == 3 else TOLERANCE[dtype]
    np.testing.assert_allclose(second, first, rtol=limit, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_direction_that_had_died_out_is_found_when_it_leads(dtype):
    """The start has turned into the first singular vector; then the second one takes the lead, at once."""
    early, late = (np.diag(np.array(d, dtype)) for d in ([0.9, 9e-4, 9e-4, 9e-4], [9e-4, 0.9, 9e-4, 9e-4]))
    found = each(np.stack([early] * 20 + [late]))
    assert bool(found.certified[-1])
    assert float(found.value[-1]) == pytest.approx(0.9, rel=1e-6)


def test_few_steps_of_a_flat_spectrum_with_one_hidden_outlier_are_not_certified():
    """The certificate itself: two steps cannot know of a value that stands 2 % above 63 others close by."""
    matrix = np.diag(np.r_[1.02, np.linspace(0.9, 1, 63)])
    square, start = np.sum(matrix * matrix), first_start(64, np.float64)
    coefficients, _ = jax.jit(tridiagonalise)(matrix, square, start, jnp.int32(1))
    whole = largest_singular_value(coefficients, 64)
    assert bool(whole.certified)
    assert float(whole.value) == pytest.approx(1.02, rel=TOLERANCE["float64"])
    short = Tridiagonal(*(part.at[2:].set(0) for part in coefficients[:2]), coefficients.square)
    cut = largest_singular_value(short, 64)
    assert not bool(cut.certified)
    assert float(cut.value) < 1.01


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_certificate_is_wrong_as_seldom_as_it_says(dtype):
    """An outlier just above the tolerance, in 300 random directions: the miss of 1 in 1000 is never met."""
    n, tolerance = 48, TOLERANCE[dtype]
    rng = np.random.default_rng(5)
    spectrum = np.r_[(1 + 3 * tolerance), np.ones(n - 1)] * 0.5
    stack = []
    for _ in range(300):
        left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
        stack.append((left * spectrum) @ right)
    found = each(np.stack(stack).astype(dtype))
    low = np.asarray(found.value) < spectrum[0] * (1 - tolerance)
    assert (np.asarray(found.certified) & low).sum() == 0
    assert np.asarray(found.certified).mean() > 0.99


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_is_not_searched(dtype):
    matrix, first = np.full((4, 4), np.nan, dtype), first_start(4, np.dtype(dtype))
    coefficients, start = jax.jit(tridiagonalise)(matrix, np.sum(matrix), first, jnp.int32(0))
    assert np.isnan(coefficients.square)
    assert (np.asarray(coefficients.beside) == 0).all()
    assert np.isfinite(start.share)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_first_start_has_length_one_and_no_zero(dtype):
    for rows in (1, 3, 128):
        vector, share = first_start(rows, np.dtype(dtype))
        assert vector.dtype == dtype
        assert np.linalg.norm(np.asarray(vector)) == pytest.approx(1, abs=1e-6)
        assert (np.asarray(vector) != 0).all()
        assert float(share) == pytest.approx(1 / rows)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bisection_equals_the_eigenvalue_of_the_tridiagonal_matrix(dtype):
    width = steps(64, dtype)
    rng = np.random.default_rng(3)
    a, b = np.abs(rng.standard_normal((2, 7, width))).astype(dtype) + 2 * np.array([[[1]], [[0]]], dtype)
    a[0, 2:], b[0, 2:] = 0, 0
    squares = Tridiagonal(a, b * b, np.ones(7, dtype))
    found = jax.jit(largest_singular_value, static_argnums=1)(squares, 64)
    for i in range(7):
        # b[k] couples step k to step k + 1; the last b belongs to no step yet.
        off = np.diag(b[i, :-1].astype(np.float64), -1)
        exact = np.sqrt(np.linalg.eigvalsh(np.diag(a[i].astype(np.float64)) + off + off.T)[-1])
        eps = float(np.finfo(dtype).eps)
        # Half the last bisection interval, and the rounding of the pivots.
        assert float(found.value[i]) == pytest.approx(exact, rel=16 * eps)


def test_the_steps_fit_the_largest_state_promised():
    """Kuczynski and Wozniakowski's bound for n = 4096, with the share of the start that is random.

    sum_j p_j(x)^2 grows as exp(4 k sqrt(eps)) above a dense spectrum, eps = 2 tolerance.
    """
    for dtype, tolerance in TOLERANCE.items():
        needed = np.log(threshold(4096)) / (4 * np.sqrt(2 * tolerance))
        assert needed < STEPS[dtype]
        assert steps(4096, dtype) == STEPS[dtype]
        assert all(steps(n, dtype) >= 2 * n for n in (1, 2, 8, 16))

"""The largest singular value of a matrix that changes a little from call to call, to a certified error."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from gradlab.recurrence import platforms
from gradlab.recurrence.trees import constant, mapped_zero

TOLERANCE = {"float32": 0.01, "float64": 0.001}
"""The relative error of a largest singular value at the most, but for a chance of `MISS`."""
MISS = 1e-3
"""The chance that the random part of a start vector has too little of the first singular vector."""
STEPS = {"float32": 48, "float64": 144}
"""Lanczos steps at the most: enough for 4096 singular values without a gap anywhere."""
NEAR, WIDE = 64, 64
"""Bounds that are tried side by side: close to the value expected, and over the whole range."""
APART = 4
"""Of the close ones, neighbours so far apart differ by the tolerance."""
BELOW = 20
"""How many of the close ones lie below the value expected: it tends to grow, relative to the norm."""
STARTS = 64
"""Random vectors that take turns."""
NOISE = 8
"""Residuals of so many roundings are taken for nothing but rounding."""
TOGETHER = 4
"""Steps that a GPU takes before it asks whether to go on."""
SMALL = 16
"""A state of so few numbers has its singular value to rounding."""


class Tridiagonal(NamedTuple):
    """Lanczos coefficients of A A^T, zeros beyond the last step that was taken."""

    diagonal: Float[Array, "*lags W"]
    beside: Float[Array, "*lags W"]
    """Squares; positive where a step was taken."""
    square: Float[Array, "*lags"]
    """Of the Frobenius norm of A."""


class Largest(NamedTuple):
    """The largest singular value of the coefficients, and so at most that of the matrix."""

    value: Float[Array, "*lags"]
    certified: Bool[Array, "*lags"]
    """Whether it is within `TOLERANCE` of the matrix's."""


class Start(NamedTuple):
    """What one call leaves to the next."""

    vector: Float[Array, " R"]
    """One power iteration nearer to the first left singular vector."""
    share: Float[Array, ""]
    """(largest singular value / Frobenius norm)^2, about."""


class _Bounds(NamedTuple):
    """What the coefficients say of the largest eigenvalue of A A^T, followed for all candidates x at once."""

    pivots: Array
    """Of x - T: all positive as long as x exceeds the eigenvalues of T."""
    growth: Array
    """p_j(x)^2 of the orthonormal polynomials of T, and their sum; 0 once a pivot was not positive."""
    total: Array
    energy: Array
    """Of T, the sum of its diagonal, and the largest entry of it."""
    low: Array


class _Loop(NamedTuple):
    """The state of the iteration."""

    step: Any
    before: Array
    w: Array
    """b_i u_{i+1}. Its length is taken when it has been stored: what another kernel works out anew may round
    otherwise, and of a residual that has died out nothing but rounding is left. Lengths are sums, not dot
    products, whose order of summation the compiler chooses anew in every program."""
    b: Array
    """The square of the last b."""
    diagonal: Array
    beside: Array
    following: Array
    bounds: _Bounds
    done: Any


def first_start(rows: int, dtype: Any) -> Start:
    """A start that knows nothing."""
    return Start(jnp.asarray(_random(rows, dtype)[0]), jnp.asarray(1 / rows, dtype))


def tridiagonalise(
    matrix: Float[Array, "R S"], square: Float[Array, ""], start: Start, call: Any
) -> tuple[Tridiagonal, Start]:
    """Lanczos steps until the largest singular value is certified; the matrix has a peak near 1.

    `square` is that of its Frobenius norm.

    a_i = |A^T u_i|^2,   b_i u_{i+1} = A A^T u_i - a_i u_i - b_{i-1} u_{i-1},   T = tridiag(a, b)

    Most of u_1 is random, so that the weight it gives to the first singular vector is at least
    1 / `threshold`, but for a chance of `MISS`. A measure with the moments of T has at most the weight
    1 / sum_j p_j(x)^2 at x (Christoffel's function): once the sum exceeds the threshold, the first eigenvalue
    of A A^T is below x. It is above x where a pivot of x - T is not positive. If the rest of the squared
    Frobenius norm is small, that certifies, too.

    Reference: Lanczos 1950, An iteration method for the solution of the eigenvalue problem; Kuczynski,
    Wozniakowski 1992, Estimating the largest eigenvalue by the power and Lanczos algorithms with a random
    start; Akhiezer 1965, The classical moment problem, for the largest weight at a point.
    """
    rows = matrix.shape[0]
    dtype = matrix.dtype
    most, info = steps(rows, dtype), np.finfo(dtype)
    places = jnp.arange(most, dtype=jnp.int32)
    random = jnp.asarray(_random(rows, dtype))[jnp.asarray(call, jnp.int32) % STARTS]
    candidates = square * _candidates(start.share, rows)
    # Far below a rounding; where squares of parts of it could be lost.
    nothing = (1e-4 * float(info.eps) * square) ** 2

    def advance(loop: _Loop) -> _Loop:
        length = jnp.sum(loop.w * loop.w)
        first, gone = loop.step == 0, length <= nothing
        u = jnp.where(gone & ~first, 0, loop.w / jnp.sqrt(jnp.where(length > 0, length, 1)))
        b = jnp.where(first, 0, length)
        z = u @ matrix
        a = jnp.sum(z * z)
        product = matrix @ z
        w = (product - jnp.sqrt(b) * loop.before) - a * u
        # The b of a step is known in the next one: with it, that step is complete.
        ended = places == loop.step - 1
        diagonal = jnp.where(places == loop.step, a, loop.diagonal)
        beside = jnp.where(ended, jnp.maximum(b, float(info.tiny)), loop.beside)
        following = jnp.where(first, product, loop.following)
        bounds, done = _tightened(loop, a, b, candidates, square, threshold(rows))
        # A small space is searched whole; what is left then, or after a residual of rounding, is repetition.
        done = loop.step >= rows if rows <= SMALL else done
        done |= ~first & (b <= (NOISE * float(info.eps) * bounds.low) ** 2)
        # The direction of a short residual has lost as many digits, and so has the residual after it. Where
        # that is rounding, and as small as a certificate needs, to go on would only add up roundings.
        rounding = NOISE * float(info.eps) * bounds.low * bounds.low
        least = TOLERANCE[dtype.name] * bounds.low
        done |= (loop.step > 1) & (b * loop.b <= rounding**2) & (b * threshold(rows) <= least**2)
        return _Loop(loop.step + 1, u, w, b, diagonal, beside, following, bounds, done)

    mapped = mapped_zero(matrix)
    zero, none = constant(0, mapped, (), dtype), constant(0, mapped, (most,), dtype)
    ones = constant(1, mapped, candidates.shape, dtype)
    # The random part is the longer one, so that the two cannot cancel.
    u = start.vector + 2 * random
    bounds = _Bounds(ones, ones, ones, zero, zero)
    # In a matrix of zeros, or with a NaN, there is nothing to find.
    loop = _Loop(constant(0, mapped, (), jnp.int32), 0 * u, u, zero, none, none, u, bounds, ~(square > 0))

    def goes_on(loop: _Loop) -> Any:
        return (loop.step < most) & ~loop.done

    def several(loop: _Loop) -> _Loop:
        for _ in range(TOGETHER):
            on = goes_on(loop)
            loop = jax.tree.map(functools.partial(jnp.where, on), advance(loop), loop)
        return loop

    # A GPU asks its host whether to go on.
    end = jax.lax.while_loop(goes_on, advance if platforms.on_cpu() else several, loop)
    bounds = end.bounds
    low = jnp.maximum(bounds.low, jnp.max(jnp.where(bounds.growth > 0, 0, candidates)))
    high = jnp.min(jnp.where(bounds.total >= threshold(rows), candidates, square))
    share = jnp.where(square > 0, jnp.sqrt(low * high) / square, start.share)
    size = jnp.sqrt(jnp.sum(end.following * end.following))
    following = end.following / jnp.where(size > 0, size, 1)
    return Tridiagonal(end.diagonal, end.beside, square), Start(following, share)


def _tightened(
    loop: _Loop, a: Any, b: Any, candidates: Any, square: Any, enough: float
) -> tuple[_Bounds, Any]:
    """The bounds with the b that ends the last step and the a of this one; whether they are close enough."""
    pivots, growth, total, energy, low = loop.bounds
    # p_0 = 1, and no pivot before the first.
    first = loop.step == 0
    growth = jnp.where(first, 1, jnp.minimum(growth * (pivots * pivots) / b, 1e30))
    growth = jnp.where(pivots > 0, growth, 0)
    total = jnp.where(growth > 0, jnp.where(first, 1, total + growth), 0)
    # One candidate is known to be above, and the fourth one below it to be below.
    between = ((total[APART:NEAR] >= enough) & ~(growth[: NEAR - APART] > 0)).any()
    pivots = jnp.where(growth > 0, candidates - a - b / pivots, 0)
    energy, low = energy + a, jnp.maximum(low, a)
    done = between | (jnp.abs(square - energy) <= 2 * TOLERANCE[square.dtype.name] * low)
    return _Bounds(pivots, growth, total, energy, low), done


def steps(rows: int, dtype: Any) -> int:
    """Lanczos steps at the most; a small space is soon searched."""
    return min(STEPS[np.dtype(dtype).name], 32 + 2 * rows)


def threshold(rows: int) -> float:
    """1 / weight of `tridiagonalise`: a unit vector and twice a random one make a u_1 of length 3 at most.

    P(|z_1| < d) <= d sqrt(2 n / pi) for z uniform on the unit sphere of n dimensions, and no vector that is
    added to z makes that more likely.
    """
    return 1.5**2 * 2 * rows / (math.pi * MISS**2)


def largest_singular_value(coefficients: Tridiagonal, rows: int) -> Largest:
    """By bisection on the pivots of x - T, all of which are positive when x exceeds every eigenvalue.

    d_1 = x - a_1,   d_i = x - a_i - b_{i-1}^2 / d_{i-1},   p_i^2 = p_{i-1}^2 d_i^2 / b_i^2

    It is certified if sum_i p_i(x)^2 exceeds the threshold of `tridiagonalise` at the x that is `TOLERANCE`
    above, or if what T leaves of the matrix's squared Frobenius norm is as small: that bounds the
    eigenvalues which T does not have.
    """
    a, b = (jnp.moveaxis(part, -1, 0) for part in coefficients[:2])
    top, mapped = a.max(axis=0), mapped_zero(a)
    unit = jnp.where(top > 0, top, 1)
    diagonal, beside = a / unit[None], (b / unit[None]) / unit[None]
    taken = (a > 0).reshape(len(a), -1).any(axis=1).sum()

    def eliminated(x: Array) -> tuple[Array, Array]:
        """The least pivot, and the sum of the squared polynomials."""

        def eliminate(i: Any, way: tuple[Array, ...]) -> tuple[Array, ...]:
            pivot, least, growth, total, back = way
            pivot = x - diagonal[i] - back / pivot
            # Beyond the last step there is no polynomial; its growth would be infinite.
            growth = jnp.where(b[i] > 0, jnp.minimum(growth * (pivot * pivot) / beside[i], 1e30), 0)
            return pivot, jnp.minimum(least, pivot), growth, total + growth, beside[i]

        ones = constant(1, mapped, x.shape, x.dtype)
        way = ones, ones, ones, ones, 0 * x
        if not platforms.on_cpu():
            # Beyond the steps taken nothing changes.
            end = jax.lax.fori_loop(0, len(a), eliminate, way, unroll=platforms.STEPS)
        else:
            end = jax.lax.fori_loop(0, taken, eliminate, way)
        _, least, _, total, _ = end
        return least, total

    halvings = 25 if a.dtype.itemsize == 4 else 54
    eps = 2 * TOLERANCE[a.dtype.name]

    def halve(i: Any, way: tuple[Array, ...]) -> tuple[Array, ...]:
        low, high, _ = way
        x = (low + high) / 2
        # The last round looks a tolerance above what the others have found.
        last = i == halvings
        least, total = eliminated(jnp.where(last, (1 + eps) * x, x))
        lower, upper = last | (least > 0), last | ~(least > 0)
        return jnp.where(lower, low, x), jnp.where(upper, high, x), jnp.where(least > 0, total, 0)

    # A row of T has at most three entries, none larger than the largest of its diagonal.
    way = tuple(constant(value, mapped, top.shape, top.dtype) for value in (1, 3, 0))
    low, high, total = jax.lax.fori_loop(0, halvings + 1, halve, way)
    x = (low + high) / 2
    rest = coefficients.square / unit - diagonal.sum(axis=0)
    certified = (total >= threshold(rows)) | (jnp.abs(rest) <= eps * x) | (top == 0)
    if rows <= SMALL:
        certified |= (a > 0).sum(axis=0) > rows
    return Largest(jnp.asarray(jnp.sqrt(x * top)), certified)


def _candidates(share: Any, rows: int) -> Any:
    """Bounds of (largest singular value / Frobenius norm)^2: near `share`, and over 1/rows to 1."""
    near = (1 + 2 * TOLERANCE[share.dtype.name]) ** (np.arange(-BELOW, NEAR - BELOW) / APART)
    wide = float(rows) ** -np.linspace(0, 1, WIDE)
    return jnp.concatenate([share * jnp.asarray(near, share.dtype), jnp.asarray(wide, share.dtype)])


def _random(rows: int, dtype: Any) -> Any:
    """Unit vectors in random directions, the same in every program."""
    drawn = np.random.default_rng(rows).standard_normal((STARTS, rows))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.dtype(dtype))

"""The largest singular value of a matrix that changes a little from call to call."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

EARLY = 8
"""Calls before the start vector has settled; they take more steps."""


class Bidiagonal(NamedTuple):
    """Golub-Kahan coefficients: its largest singular value approaches the matrix's from below."""

    diagonal: Float[Array, "*lags W"]
    below: Float[Array, "*lags W"]


def steps(dtype: Any, rows: int) -> tuple[int, int]:
    """Lanczos steps of an early and of a later call; in float32, as many as cost less than the Jacobian."""
    return (16, min(16, max(4, 512 // rows))) if np.dtype(dtype).itemsize == 4 else (64, 64)


def bidiagonalise(
    matrix: Float[Array, "R S"], start: Float[Array, " R"], call: Any
) -> tuple[Bidiagonal, Float[Array, " R"]]:
    """Golub-Kahan-Lanczos from `start`; also the start of the next call, one power iteration further.

    b_i u_i = A v_{i-1} - a_{i-1} u_{i-1},   a_i v_i = A^T u_i - b_i v_{i-1}

    A little of a fixed vector is mixed in, so that a direction which has died out of the start vector
    can come back when it takes the lead.

    Reference: Golub, Kahan 1965, Calculating the singular values and pseudo-inverse of a matrix.
    """
    rows, columns = matrix.shape
    early, later = steps(matrix.dtype, rows)
    u, _ = _unit(start + 0.1 * first_start(rows, matrix.dtype))

    def step(i: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
        u, v, b, coefficients, following = loop
        v, a = _unit(u @ matrix - b * v)
        after, b = _unit(matrix @ v - a * u)
        coefficients = Bidiagonal(coefficients.diagonal.at[i].set(a), coefficients.below.at[i].set(b))
        return after, v, b, coefficients, jnp.where(i == 0, a * u + b * after, following)

    blank = Bidiagonal(jnp.zeros(early, matrix.dtype), jnp.zeros(early, matrix.dtype))
    loop = (u, jnp.zeros(columns, matrix.dtype), jnp.zeros((), matrix.dtype), blank, u)
    count = jnp.where(call < EARLY, early, later)
    *_, coefficients, following = jax.lax.fori_loop(0, count, step, loop)
    return coefficients, _unit(following)[0]


def first_start(rows: int, dtype: Any) -> Float[Array, " R"]:
    """A fixed unit vector in general position."""
    return _unit(jnp.cos(jnp.arange(1, rows + 1, dtype=dtype) ** 2))[0]


def largest_singular_value(coefficients: Bidiagonal) -> Float[Array, "*lags"]:
    """By bisection on the Sturm sequence of the tridiagonal matrix with a zero diagonal.

    q_1 = -x,   q_i = -x - e_{i-1}^2 / q_{i-1};   x exceeds every eigenvalue when all q are negative,

    where e = a_1, b_2, a_2, b_3, ... interleaves the coefficients.
    """
    a, b = coefficients
    e = jnp.stack([a, b], axis=-1).reshape(*a.shape[:-1], -1)[..., :-1]
    top = e.max(axis=-1)
    unit = jnp.where(top > 0, top, 1)
    squares = [(e[..., i] / unit) ** 2 for i in range(e.shape[-1])]

    def halve(_: Any, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        x = (low + high) / 2
        q = -x
        worst = q
        for square in squares:
            q = -x - square / q
            worst = jnp.maximum(worst, q)
        above = worst < 0
        return jnp.where(above, low, x), jnp.where(above, x, high)

    bounds = (jnp.ones_like(top), jnp.full_like(top, 2))
    low, high = jax.lax.fori_loop(0, 24 if a.dtype.itemsize == 4 else 53, halve, bounds)
    return jnp.asarray((low + high) / 2 * top)


def _unit(x: Array) -> tuple[Array, Array]:
    size = jnp.sqrt(jnp.sum(x * x))
    return x / jnp.maximum(size, float(np.finfo(x.dtype).tiny)), size

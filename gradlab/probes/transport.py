"""The Jacobian of the last state with respect to each earlier one."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab.lanczos import Bidiagonal, bidiagonalise, first_start, largest_singular_value
from gradlab.linear import pullback
from gradlab.types import Scaled, Setup, Step
from gradlab.unroll import Norm, norms, rescale, reverse_scan

DIRECTIONS = 128
"""Carried side by side: all of a state of at most this many numbers, a sample of a larger one."""


class Columns(NamedTuple):
    """Columns of the probe."""

    transport: Norm
    transport_frobenius: Norm


def transport(step: Step, params: Any, state: Any, xs: Any, setup: Setup) -> Columns:
    """Largest singular value and Frobenius norm of the transport, without local losses; by lag.

    J_0 = 1,   J_{lag+1} = J_lag (dstate_t/dstate_{t-1}),   t = T - lag

    A state of up to 128 numbers (N = 64 in two parts) is followed in every direction: J is exact. Of a
    larger one, 128 random orthonormal directions at step T are followed: the Frobenius norm is then an
    unbiased estimate and the singular value that of the rows followed. The Frobenius norm of a part is
    that of its columns of J; the singular value is the whole state's.

    Reference: Bengio, Simard, Frasconi 1994, Learning long-term dependencies with gradient descent is
    difficult; Hutchinson 1990, A stochastic estimator of the trace, for the estimate.
    """
    flat, unravel = ravel_pytree(state)
    size, rows = flat.size, min(flat.size, DIRECTIONS)
    one = pullback(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))

    def start(final: Any) -> tuple[Scaled, Any]:
        directions = jnp.asarray(_directions(rows, size), flat.dtype)
        return rescale(jax.vmap(unravel)(directions)), first_start(rows, flat.dtype)

    def observe(carry: tuple[Scaled, Any], lag: Any) -> tuple[tuple[Scaled, Any], tuple[Bidiagonal, Norm]]:
        jacobian, vector = carry
        matrix = jnp.concatenate([leaf.reshape(rows, -1) for leaf in jax.tree.leaves(jacobian.value)], axis=1)
        coefficients, vector = bidiagonalise(matrix, vector, lag)
        return (jacobian, vector), (coefficients, norms(jacobian))

    def back(carry: tuple[Scaled, Any], kept: Any) -> tuple[tuple[Scaled, Any], None]:
        (value, exponent), vector = carry
        pulled = jax.vmap(lambda row: one.pull(kept, row)[1])(value)
        return (rescale(pulled, exponent), vector), None

    forward = lambda state, x, t: one.forward(state, x)
    (coefficients, frobenius), _ = reverse_scan(forward, start, back, observe, state, xs, setup.length)
    largest = largest_singular_value(coefficients)
    return Columns(
        Norm(largest[:, None] ** 2, frobenius.exponent[:, :1]),
        Norm(frobenius.square * (size / rows), frobenius.exponent),
    )


def _directions(rows: int, size: int) -> np.ndarray[Any, np.dtype[Any]]:
    if rows == size:
        return np.eye(size)
    normal = np.random.default_rng(0).standard_normal((size, rows))
    return np.asarray(np.linalg.qr(normal)[0].T)

"""Gradient flossing: Lyapunov exponents pushed to zero."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar, Trajectory


def flossing(*, weight: Scalar = 1.0, count: int = 4) -> Remedy:
    """Push the leading Lyapunov exponents of the trajectory towards 0, on the way to learning.

    P = weight sum_{i <= count} lambda_i^2,   lambda_i = mean over t of ln R_t[i, i],   D_t Q_{t-1} = Q_t R_t

    The few columns of Q are made orthogonal by Gram and Schmidt's method and differentiated through.

    Reference: Engelken 2023, Gradient flossing: improving gradient descent through dynamic control of
    Jacobians.
    """
    _checks.not_negative("weight", weight)
    if count < 1:
        raise ValueError(f"count={count} must be at least 1")

    def penalty(trail: Trajectory) -> Scalar:
        first = jax.tree.map(lambda leaf: leaf[0], trail.before)
        flat, unravel = ravel_pytree(first)
        columns = min(count, flat.size)
        frame = np.linalg.qr(np.random.default_rng(0).standard_normal((flat.size, columns)))[0]

        def body(
            frame: jax.Array, given: tuple[jax.Array, jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            state, x, t = given
            step = lambda v: ravel_pytree(trail.cell.step(trail.params, unravel(v), x))[0]
            pushed = jax.vmap(lambda column: jax.jvp(step, (state,), (column,))[1], 1, 1)(frame)
            turned, logs = _orthonormal(pushed)
            inside = t < trail.length
            return jnp.where(inside, turned, frame), jnp.where(inside, logs, 0)

        states = jax.vmap(lambda s: ravel_pytree(s)[0])(trail.before)
        steps = jnp.arange(len(states), dtype=trail.length.dtype)
        _, logs = jax.lax.scan(body, jnp.asarray(frame, flat.dtype), (states, trail.xs, steps))
        exponents = logs.sum(axis=0) / trail.length.astype(logs.dtype)
        total: Scalar = jnp.sum(exponents**2)
        return weight * total

    return Remedy(penalty=penalty)


def _orthonormal(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Columns made orthonormal one by one, twice for rounding's sake, and the logs of their lengths."""
    done: list[jax.Array] = []
    logs = []
    for i in range(matrix.shape[1]):
        column = matrix[:, i]
        for _ in range(2):
            for other in done:
                column = column - other * jnp.dot(other, column)
        # The largest entry is taken out first: however short a column, its square does not become 0.
        peak = jax.lax.stop_gradient(jnp.max(jnp.abs(column)))
        peak = jnp.where(peak > 0, peak, np.finfo(column.dtype).tiny)
        direction = column / peak
        square = jnp.sum(direction**2)
        size = jnp.sqrt(jnp.where(square > 0, square, 1))
        done.append(direction / size)
        logs.append(jnp.log(size) + jnp.log(peak))
    return jnp.stack(done, axis=1), jnp.stack(logs)

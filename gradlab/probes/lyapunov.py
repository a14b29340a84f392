"""The Lyapunov spectrum of the driven system, with its history and its sum rule."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from gradlab.forward import Product, log_of, one, scan, times, with_jacobian
from gradlab.types import Setup, Step

AXES = {
    "lyapunov": ("index",),
    "lyapunov_history": ("step", "index"),
    "lyapunov_sum": ("step",),
    "log_determinant": ("step",),
}
WARM_UP = 10
"""The first 1/10 of the steps, in which the frame turns into place, is left out of `lyapunov`."""


class Columns(NamedTuple):
    """Natural logs per step; -inf where a product is exactly 0, NaN where rounding hides the exponent."""

    lyapunov: Float[Array, " index"]
    lyapunov_history: Float[Array, "step index"]
    """The mean over steps 1..t, for each t."""
    lyapunov_sum: Float[Array, " step"]
    """The sum of the exponents of `lyapunov_history`."""
    log_determinant: Float[Array, " step"]
    """The mean of ln |det D| over steps 1..t: the sum rule says that it is `lyapunov_sum`."""


def lyapunov(step: Step, params: Any, state: Any, xs: Any, setup: Setup) -> Columns:
    """The exponents of the sequence's own trajectory, the greatest first, by QR.

    D_t Q_{t-1} = Q_t R_t,   exponent i = mean over t of ln |R_t[i, i]|,   D_t = dstate_t/dstate_{t-1}

    Q_0 is a fixed random orthogonal matrix, so that no frame is trapped in an invariant subspace. The
    products of the R_t[i, i] are kept as numbers and exponents: no logarithm is summed. Exponents come in the
    order of the frame, the descending one once it has turned into place. One is hidden, and NaN, from the
    step on that shrinks its direction by more than 1 / (S eps) against the one stretched most.

    Reference: Benettin, Galgani, Giorgilli, Strelcyn 1980, Lyapunov characteristic exponents for smooth
    dynamical systems and for Hamiltonian systems; Engelken, Wolf, Abbott 2023, Lyapunov spectra of chaotic
    recurrent neural networks.
    """
    flat, _ = ravel_pytree(state)
    size, dtype = flat.size, flat.dtype
    tolerance = size * float(np.finfo(dtype).eps)
    advance = with_jacobian(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))

    def body(carry: tuple[Any, Any, Any, Product, Product], x: Any, t: Any) -> tuple[Any, Any]:
        state, frame, known, grown, volume = carry
        state, jacobian = advance(state, x)
        frame, triangle = jnp.linalg.qr(jacobian @ frame)
        stretch = jnp.abs(jnp.diagonal(triangle))
        known &= (stretch > tolerance * stretch.max()) | (stretch.max() == 0)
        grown = times(grown, stretch)
        # Pivots of the LU decomposition: a determinant that has seen nothing of the frame.
        volume = times(volume, jnp.diagonal(jax.lax.linalg.lu(jacobian)[0]))
        steps = jnp.asarray(t, dtype)
        exponents = jnp.where(known, log_of(grown) / steps, jnp.nan)
        return (state, frame, known, grown, volume), (exponents, _log_total(volume) / steps)

    frame = jnp.asarray(_frame(size), dtype)
    start = state, frame, jnp.ones(size, bool), one((size,), dtype), one((size,), dtype)
    _, (history, log_determinant) = scan(body, start, xs, setup.length)
    late = _late(history, jnp.asarray(setup.length, jnp.int32))
    return Columns(late, history, history.sum(axis=1), log_determinant)


def _frame(size: int) -> Any:
    return np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))[0]


def _log_total(product: Product) -> Float[Array, ""]:
    """The log of the product of all entries; the exponents are added as integers."""
    whole = log_of(Product(product.value, jnp.zeros_like(product.exponent))).sum()
    dtype = product.value.dtype
    return whole + jnp.log(jnp.asarray(2, dtype)) * product.exponent.sum().astype(dtype)


def _late(history: Float[Array, "step index"], length: Any) -> Float[Array, " index"]:
    """The mean over the steps after the warm-up."""
    before = length // WARM_UP
    steps, early = length.astype(history.dtype), before.astype(history.dtype)
    total = history[length - 1]
    # Nothing to take off without a warm-up; and an exact zero stays one, whenever it came.
    taken = jnp.where((before > 0) & jnp.isfinite(total), history[jnp.maximum(before, 1) - 1] * early, 0)
    mean: Float[Array, " index"] = (total * steps - taken) / (steps - early)
    return mean

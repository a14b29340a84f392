"""Random Gaussian matrix of unit spectral radius."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "radius"


def spectral(key: Key, n: int) -> Float[Array, "{n} {n}"]:
    """Gaussian, divided by its spectral radius; [[1]] for n = 1.

    W = A / max_i |lambda_i(A)|,  A_ij ~ N(0, 1)

    The eigenvalues are computed on the CPU only.

    Reference: Jaeger 2001, The echo state approach to analysing and training recurrent neural networks.
    """
    if n == 1:
        return jnp.ones((1, 1), float)
    a = jax.random.normal(key, (n, n), float)
    return a / jnp.abs(jnp.linalg.eigvals(a)).max()

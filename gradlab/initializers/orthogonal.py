"""Random orthogonal matrix."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "singular values"


def orthogonal(key: Key, n: int) -> Float[Array, "{n} {n}"]:
    """Uniform (Haar) over the orthogonal matrices: every singular value is 1; [[1]] for n = 1.

    Q R = A,  A_ij ~ N(0, 1),  W = Q diag(sign(diag R))

    Reference: Mezzadri 2007, How to generate random matrices from the classical compact groups;
    Saxe, McClelland, Ganguli 2014, Exact solutions to the nonlinear dynamics of learning.
    """
    if n == 1:
        return jnp.ones((1, 1), float)
    q, r = jnp.linalg.qr(jax.random.normal(key, (n, n), float))
    # LAPACK's Q is not uniform: its signs are the algorithm's choice until R's diagonal fixes them.
    return q * jnp.where(jnp.diagonal(r) < 0, -1.0, 1.0).astype(q.dtype)[None, :]

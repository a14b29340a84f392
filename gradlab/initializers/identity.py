"""Identity matrix."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "singular values"


def identity(key: Key, n: int) -> Float[Array, "{n} {n}"]:
    """Ones on the diagonal; nothing is drawn.

    Reference: Le, Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified linear
    units.
    """
    del key
    return jnp.eye(n, dtype=float)

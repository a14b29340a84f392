"""Random uniform matrix."""

import math

import jax
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "norm"


def uniform(key: Key, n: int) -> Float[Array, "{n} {n}"]:
    """Independent entries U(-a, a), a = sqrt(3 / n): of variance 1/n, as the gaussian's, but bounded.

    Glorot and Bengio's a = sqrt(6 / (n_in + n_out)) for a square matrix. Spectral radius near 1, largest
    singular value near 2, for large n. The common U(-1/sqrt(n), 1/sqrt(n)) is this one at w_rec = 1/sqrt(3).

    Reference: Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    """
    bound = math.sqrt(3 / n)
    return jax.random.uniform(key, (n, n), float, -bound, bound)

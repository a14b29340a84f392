"""Random Gaussian matrix."""

import math

import jax
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "norm"


def gaussian(key: Key, n: int) -> Float[Array, "{n} {n}"]:
    """Independent entries N(0, 1/n): spectral radius near 1, largest singular value near 2, for large n.

    Reference: Sompolinsky, Crisanti, Sommers 1988, Chaos in random neural networks.
    """
    return jax.random.normal(key, (n, n), float) / math.sqrt(n)

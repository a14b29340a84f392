"""Recurrent matrices that stay orthogonal."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.remedies import _matrices
from gradlab.types import Remedy


def retraction() -> Remedy:
    """Put the nearest orthogonal matrix in the place of each recurrent matrix, after each update.

    W' = U V^T,   where W = U S V^T

    Reference: Absil, Mahony, Sepulchre 2008, Optimization algorithms on matrix manifolds (the polar
    retraction); Wisdom, Powers, Hershey, Le Roux, Atlas 2016, Full-capacity unitary recurrent neural
    networks.
    """

    def nearest(w: Float[Array, "n n"]) -> Float[Array, "n n"]:
        u, _, v = jnp.linalg.svd(w)
        return u @ v

    return Remedy(project=_matrices.each(nearest))

"""A bound on how far one step can stretch the state."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from gradlab.remedies import _checks, _matrices
from gradlab.types import Remedy, Scalar


def spectral_norm(*, limit: Scalar = 1.0) -> Remedy:
    """Shorten a recurrent matrix whose largest singular value has grown beyond the limit, after each update.

    W' = W min(1, limit / sigma_max(W)),   each gate's matrix alone

    Reference: Miyato, Kataoka, Koyama, Yoshida 2018, Spectral normalization for generative adversarial
    networks.
    """
    _checks.positive("limit", limit)

    def shorten(w: Float[Array, "n n"]) -> Float[Array, "n n"]:
        size = jnp.linalg.norm(w, 2)
        return jnp.where(size > limit, w * (limit / jnp.where(size > limit, size, 1)), w)

    return Remedy(project=_matrices.each(shorten))

"""Adaptive gradient clipping."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar

LEAST = 1e-3
"""What a unit's weights count as at the least, so that a unit at 0 can leave it."""


def adaptive_clip(*, threshold: Scalar = 0.01) -> Remedy:
    """Clip the gradient of each unit's weights by its ratio to the weights themselves.

    g_i' = g_i min(1, threshold max(|w_i|, 1e-3) / |g_i|)

    with w_i a row of a matrix, the weights into one unit or one of its gates, or a whole vector.

    Reference: Brock, De, Smith, Simonyan 2021, High-performance large-scale image recognition without
    normalization.
    """
    _checks.positive("threshold", threshold)

    def clip(gradient: Array, weights: Array) -> Array:
        axis = -1 if gradient.ndim > 1 else None
        limit = threshold * jnp.maximum(jnp.sqrt(jnp.sum(weights**2, axis, keepdims=True)), LEAST)
        # The largest entry is taken out first, so that no finite gradient overflows when squared.
        peak = jnp.max(jnp.abs(gradient), axis, keepdims=True)
        direction = gradient / jnp.where(peak > 0, peak, 1)
        size = jnp.sqrt(jnp.sum(direction**2, axis, keepdims=True))
        over = peak * size > limit
        return jnp.where(over, direction * (limit / jnp.where(over, size, 1)), gradient)

    return Remedy(gradients=optax.stateless(lambda gradient, params: jax.tree.map(clip, gradient, params)))

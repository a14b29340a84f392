"""Clipping by norm."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from gradlab.recurrence.scaled import norms, rescale
from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar


def clip_norm(*, threshold: Scalar = 1.0) -> Remedy:
    """Shorten a gradient that is longer than the threshold; its direction stays.

    g' = g min(1, threshold / |g|),   over all parameters together

    The norm is worked out on g / 2^k: the square of no finite gradient overflows, and none becomes 0.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """
    _checks.positive("threshold", threshold)

    def clip(gradient: Any, params: Any) -> Any:
        del params
        scaled = rescale(gradient)
        size = jnp.sqrt(norms(scaled).square[0])
        over = jnp.ldexp(size, scaled.exponent) > threshold
        factor = threshold / jnp.where(over, size, 1)
        return jax.tree.map(lambda leaf, unit: jnp.where(over, unit * factor, leaf), gradient, scaled.value)

    return Remedy(gradients=optax.stateless(clip))

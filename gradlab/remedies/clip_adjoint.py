"""Clipping inside the recurrence."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence.scaled import norms, rescale
from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar, Scaled


def clip_adjoint(*, threshold: Scalar = 1.0) -> Remedy:
    """Shorten what each step sends back to the one before it, as soon as it is too long.

    a'_{t-1} = a_{t-1} min(1, threshold / |a_{t-1}|),   at every step of the backward pass

    The norm is worked out with its exponent apart, so that no adjoint is too large to be clipped.

    Reference: Graves 2013, Generating sequences with recurrent neural networks.
    """
    _checks.positive("threshold", threshold)

    def clip(lag: Int[Array, ""], sent: Scaled) -> Scaled:
        del lag
        whole = norms(sent)
        size = jnp.sqrt(whole.square[0])
        mantissa, exponent = jnp.frexp(jnp.asarray(threshold, size.dtype))
        drop = jnp.clip(exponent - sent.exponent, -2000, 200)
        over = (size > 0) & (jnp.ldexp(mantissa, drop) < size)
        # Brought to the threshold exactly: value / |value| * mantissa, with the threshold's exponent.
        factor = jnp.where(over, mantissa / jnp.where(size > 0, size, 1), 1)
        shorter = jax.tree.map(lambda leaf: leaf * factor, sent.value)
        return rescale(shorter, jnp.where(over, exponent, sent.exponent))

    return Remedy(adjoint=clip)

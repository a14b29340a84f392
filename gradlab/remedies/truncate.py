"""Truncated back-propagation through time."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.types import Remedy, Scaled

ZERO_EXPONENT = -(2**30)


def truncate(*, k: int = 10) -> Remedy:
    """Send nothing back over more than k steps: the sequence is cut into stretches of k from its end on.

    what a step sends to lag l becomes 0 for l = k + 1, 2 k + 1, ...

    The last step's error reaches lag k and no further: that is the hard horizon, in every cell.

    Reference: Williams, Peng 1990, An efficient gradient-based algorithm for on-line training of recurrent
    network trajectories.
    """
    if not 1 <= k < 2**31:
        raise ValueError(f"k={k} must be at least 1, and below 2**31")

    def cut(lag: Int[Array, ""], sent: Scaled) -> Scaled:
        through = (lag <= 1) | ((lag - 1) % k != 0)
        value = jax.tree.map(lambda leaf: jnp.where(through, leaf, 0), sent.value)
        return Scaled(value, jnp.where(through, sent.exponent, ZERO_EXPONENT))

    return Remedy(adjoint=cut)

"""A penalty on the gradient itself."""

import jax
import jax.numpy as jnp

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar, Trajectory


def gradient_penalty(*, weight: Scalar = 0.01) -> Remedy:
    """Make large adjoints cost something; differentiated through the backward pass.

    P = weight sum_t |dL/dstate_t|^2

    Reference: Drucker, Le Cun 1992, Improving generalization performance using double backpropagation.
    """
    _checks.not_negative("weight", weight)

    def penalty(trail: Trajectory) -> Scalar:
        total: Scalar = jnp.stack([jnp.sum(leaf**2) for leaf in jax.tree.leaves(trail.adjoints)]).sum()
        return weight * total

    return Remedy(penalty=penalty)

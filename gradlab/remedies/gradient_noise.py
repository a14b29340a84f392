"""Annealed gradient noise."""

import jax
import optax

from gradlab.remedies import _checks
from gradlab.types import Remedy


def gradient_noise(*, eta: float = 0.01, gamma: float = 0.55) -> Remedy:
    """Add Gaussian noise to the gradient, less and less of it.

    g' = g + n,   n ~ N(0, eta / (1 + step)^gamma)

    Reference: Neelakantan et al. 2015, Adding gradient noise improves learning for very deep networks.
    """
    _checks.not_negative("eta", eta)
    _checks.not_negative("gamma", gamma)
    return Remedy(gradients=optax.add_noise(eta, gamma, jax.random.key(0)))

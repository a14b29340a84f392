"""Clipping by norm."""

import optax

from gradlab.remedies import _checks
from gradlab.types import Remedy


def clip_norm(*, threshold: float = 1.0) -> Remedy:
    """Shorten a gradient that is longer than the threshold; its direction stays.

    g' = g min(1, threshold / |g|),   over all parameters together

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """
    _checks.positive("threshold", threshold)
    return Remedy(gradients=optax.clip_by_global_norm(threshold))

"""Adaptive gradient clipping."""

import optax

from gradlab.remedies import _checks
from gradlab.types import Remedy


def adaptive_clip(*, threshold: float = 0.01) -> Remedy:
    """Clip the gradient of each unit's weights by its ratio to the weights themselves.

    g_i' = g_i min(1, threshold max(|w_i|, 1e-3) / |g_i|),   unit by unit

    Reference: Brock, De, Smith, Simonyan 2021, High-performance large-scale image recognition without
    normalization.
    """
    _checks.positive("threshold", threshold)
    return Remedy(gradients=optax.adaptive_grad_clip(threshold))

"""Clipping by value."""

import optax

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar


def clip_value(*, threshold: Scalar = 1.0) -> Remedy:
    """Clip every entry of the gradient on its own; the direction changes.

    g'_i = max(-threshold, min(threshold, g_i))

    Reference: Mikolov 2012, Statistical language models based on neural networks.
    """
    _checks.positive("threshold", threshold)
    return Remedy(gradients=optax.clip(threshold))

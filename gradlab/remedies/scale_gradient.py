"""Artificially smaller gradients."""

import optax

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar


def scale_gradient(*, factor: Scalar = 0.1) -> Remedy:
    """Multiply every gradient by a constant: less explosion, and as much less of all else.

    g' = factor g
    """
    _checks.positive("factor", factor)
    return Remedy(gradients=optax.scale(factor))

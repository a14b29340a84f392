"""The bias of the forget gate."""

import dataclasses
import math
from typing import Any

from gradlab.types import Remedy


def forget_bias(*, bias: float = 1.0) -> Remedy:
    """Start the forget gate's bias at a value: a larger one keeps the memory longer from the first update on.

    f = σ(bias):   half-life of the memory -ln 2 / ln f

    Reference: Jozefowicz, Zaremba, Sutskever 2015, An empirical exploration of recurrent network
    architectures.
    """
    if not math.isfinite(bias):
        raise ValueError(f"bias={bias} must be finite")
    return Remedy(cell=lambda cell: _with(cell, bias))


def _with(cell: Any, bias: float) -> Any:
    if not hasattr(cell, "forget_bias"):
        raise ValueError("needs a cell with a setting forget_bias")
    return dataclasses.replace(cell, forget_bias=bias)

"""Gate biases from a range of time scales."""

import dataclasses
from typing import Any

from gradlab.remedies import _checks
from gradlab.types import Remedy


def chrono(*, longest: float = 100.0) -> Remedy:
    """Start the gates' biases so that the units' memories last between 2 and `longest` steps.

    b_f = ln u,   b_i = -b_f,   u ~ Uniform(1, longest - 1)

    Reference: Tallec, Ollivier 2018, Can recurrent neural networks warp time?
    """
    _checks.positive("longest", longest)
    if longest <= 2:
        raise ValueError(f"longest={longest} must be more than 2 steps")
    return Remedy(cell=lambda cell: _with(cell, longest))


def _with(cell: Any, longest: float) -> Any:
    if not hasattr(cell, "chrono"):
        raise ValueError("needs a cell with a setting chrono")
    return dataclasses.replace(cell, chrono=longest)

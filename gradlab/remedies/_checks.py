"""What settings of remedies must be; an array has been held to it as the number that it was."""

import math

from jax import Array

from gradlab.types import Scalar


def positive(name: str, value: Scalar) -> None:
    """Raise ValueError unless the value is positive and finite."""
    if not isinstance(value, Array) and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value} must be positive and finite")


def not_negative(name: str, value: Scalar) -> None:
    """Raise ValueError unless the value is 0 or positive, and finite."""
    if not isinstance(value, Array) and not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value} must be 0 or positive, and finite")


def share(name: str, value: Scalar) -> None:
    """Raise ValueError unless the value is a share: 0 or more, and below 1."""
    if not isinstance(value, Array) and not (0 <= value < 1):
        raise ValueError(f"{name}={value} must be 0 or more, and below 1")

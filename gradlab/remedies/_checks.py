"""What settings of remedies must be."""

import math


def positive(name: str, value: float) -> None:
    """Raise ValueError unless the value is positive and finite."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value} must be positive and finite")


def not_negative(name: str, value: float) -> None:
    """Raise ValueError unless the value is 0 or positive, and finite."""
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value} must be 0 or positive, and finite")


def share(name: str, value: float) -> None:
    """Raise ValueError unless the value is a share: 0 or more, and below 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value} must be 0 or more, and below 1")

"""What is done until a cell is trained, stage by stage, each kept under its name."""

from collections.abc import Sequence

COMPILING, TRAINING = "compiling", "training"


def trying(rate: float) -> str:
    """The name of the stage that tries a learning rate.

    >>> trying(0.001)
    'trying lr = 0.001'
    """
    return f"trying lr = {rate:g}"


def of(rates: Sequence[float]) -> list[str]:
    """Each learning rate tried, if there are several, then the training."""
    return [*(trying(rate) for rate in rates if len(rates) > 1), TRAINING]

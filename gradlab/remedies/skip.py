"""Connections that skip steps of time."""

from gradlab import registry
from gradlab.types import Remedy


def skip(*, k: int = 10) -> Remedy:
    """Let each step also see the hidden state k steps back: a path for the gradient that is k times shorter.

    The cell is wrapped in `residual(skip=k)`.

    Reference: Lin, Horne, Tino, Giles 1996, Learning long-term dependencies in NARX recurrent neural
    networks.
    """
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    return Remedy(
        cell=lambda cell: registry.make("cells", f"residual(cell={registry.spelling(cell)}, skip={k})")
    )

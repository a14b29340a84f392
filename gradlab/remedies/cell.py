"""A different cell."""

from gradlab import registry
from gradlab.types import Remedy


def cell(*, cell: str = "lstm") -> Remedy:
    """Train another cell; `lstm`, `gru`, `esn` or any other cell's name alone is short for it.

    The echo state network's readout is fitted in closed form; everything else is trained.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; Jaeger 2001, The echo state approach
    to analysing and training recurrent neural networks.
    """
    chosen = registry.make("cells", cell)
    return Remedy(cell=lambda given: chosen, replaces="cell")

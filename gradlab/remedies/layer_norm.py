"""Layer normalisation."""

from gradlab import registry
from gradlab.types import Remedy


def layer_norm() -> Remedy:
    """Normalise the hidden state over its units at every step; the cell is wrapped in `layer_norm`.

    Reference: Ba, Kiros, Hinton 2016, Layer normalization.
    """
    return Remedy(cell=lambda cell: registry.make("cells", f"layer_norm(cell={registry.spelling(cell)})"))

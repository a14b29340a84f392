"""A different start of the recurrent weights."""

from gradlab import registry
from gradlab.types import Remedy


def init(*, start: str = "orthogonal") -> Remedy:
    """Draw the recurrent weights with another initialiser; `orthogonal` alone is short for it.

    W_rec = w_rec U,   U from the initialiser `start`

    Reference: Saxe, McClelland, Ganguli 2014, Exact solutions to the nonlinear dynamics of learning;
    Le, Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified linear units.
    """
    chosen = registry.make("initializers", start)
    return Remedy(init=lambda initializer: chosen, replaces="init")

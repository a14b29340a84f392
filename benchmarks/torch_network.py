"""What the cells of `torch_cells.py` are written with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, sigmoid, tanh

State = list[Tensor]


class Network(NamedTuple):
    """One cell with its settings."""

    step: Callable[[Any, State, Tensor], State]
    recurrent: Callable[[Any], list[Tensor]] = lambda p: [p.w_rec]
    """Of a tree like the parameters, the part that is weights whose gradient is asked for."""
    leaves: int = 1
    """Of the state."""
    read: int = 0
    """Which of them the readout reads."""


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": tanh,
    "relu": torch.relu,
    "sigmoid": sigmoid,
    "identity": lambda a: a,
}


def sums(p: Any, h: Tensor, x: Tensor) -> list[Tensor]:
    """What goes into each gate: W h + U x + b."""
    return [w @ h + u @ x + b for w, u, b in zip(p.w_rec, p.w_in, p.b, strict=True)]


def mixed(share: Any, old: Tensor, new: Tensor) -> Tensor:
    """(1 - share) old + share new."""
    return (1 - share) * old + share * new

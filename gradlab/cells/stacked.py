"""Several layers of one cell, each reading the one below."""

import dataclasses
from typing import Any

import jax
from jax import Array
from jaxtyping import Float

from gradlab.cells._wrapper import Wrapper
from gradlab.types import Hidden, Initializer, Input, Key, Scalar

Layers = tuple[Any, ...]
"""What each layer has, the lowest first."""


@dataclasses.dataclass(frozen=True)
class Stacked(Wrapper[Layers, Layers]):
    """A stack of layers of one cell, each with weights of its own; within a step, each reads the one below.

    s_0' = cell(s_0, x)      s_k' = cell(s_k, readout(s_{k-1}'))      k = 1 .. layers - 1

    `cell` is any cell with its settings, as in stacked(cell=lstm(forget_bias=2), layers=3). The memory, the
    gate that keeps it and the readout are those of the top layer. The transport is block triangular: what
    reaches a layer from a later step comes through it or through the layers above.

    Reference: Schmidhuber 1992, Learning complex, extended sequences using the principle of history
    compression; Pascanu, Gulcehre, Cho, Bengio 2014, How to construct deep recurrent neural networks.
    """

    cell: str = "elman"
    layers: int = 2

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers={self.layers} must be at least 1")
        super().__post_init__()

    @property
    def memory(self) -> str:
        return f"{self.layers - 1}/{self.inner.memory}"

    @property
    def carry_gate(self) -> str | None:
        return f"{self.layers - 1}/{self.inner.carry_gate}" if self.inner.carry_gate else None

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Layers, Layers]:
        widths = [d_in, *[d_hidden] * (self.layers - 1)]
        made = [
            self.inner.init(k, width, d_hidden, w_rec, initializer)
            for k, width in zip(jax.random.split(key, self.layers), widths, strict=True)
        ]
        return tuple(params for params, _ in made), tuple(state for _, state in made)

    def step(self, params: Layers, state: Layers, x: Input) -> Layers:
        after = []
        for own, before in zip(params, state, strict=True):
            after.append(self.inner.step(own, before, x))
            x = self.inner.readout(after[-1])
        return tuple(after)

    def readout(self, state: Layers) -> Hidden:
        return self.inner.readout(state[-1])

    def recurrent(self, params: Layers) -> Layers:
        """The recurrent weights of every layer."""
        return tuple(self.inner.recurrent(own) for own in params)

    def gate_values(self, params: Layers, state: Layers, x: Input) -> dict[str, Float[Array, " N"]]:
        """Every layer's, by names such as `1/f`."""
        found: dict[str, Float[Array, " N"]] = {}
        for k, (own, before) in enumerate(zip(params, state, strict=True)):
            found |= {f"{k}/{name}": gate for name, gate in self.inner.gate_values(own, before, x).items()}
            x = self.inner.readout(self.inner.step(own, before, x))
        return found

    def rate_theory(self, w_rec: float) -> float | None:
        """The cell's, for a single layer; a stack's transport has no closed form."""
        return self.inner.rate_theory(w_rec) if self.layers == 1 else None

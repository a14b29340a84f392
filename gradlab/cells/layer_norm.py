"""Any cell with its hidden state normalised."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.cells._wrapper import Wrapper, read_out
from gradlab.types import Hidden, Initializer, Input, Key, Scalar


class Params(NamedTuple):
    """The cell's parameters, and the gain and shift of the normalised state."""

    cell: Any
    gain: Float[Array, " N"]
    shift: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class LayerNorm(Wrapper[Params, Any]):
    """Any cell whose hidden state is normalised over its units at every step.

    h' = gain (a - mean(a)) / sqrt(var(a) + epsilon) + shift,      a = the h' of `cell`

    h is the part of the state that the readout reads; it is read out and read by the next step as it was
    normalised. Other parts are left alone: the memory c of an lstm goes from step to step as without. The
    paper normalises the sums inside the nonlinearities; the hidden state is what every cell has, and it is
    normalised after the step rather than before the next, because its first value is 0, where the
    normalisation has a slope of 1 / sqrt(epsilon). With one unit h' is the shift and all gradients are 0.

    Reference: Ba, Kiros, Hinton 2016, Layer normalization.
    """

    cell: str = "elman"
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and math.isfinite(self.epsilon)):
            raise ValueError(f"epsilon={self.epsilon} must be positive and finite")
        super().__post_init__()

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, Any]:
        params, state = self.inner.init(key, d_in, d_hidden, w_rec, initializer)
        return Params(params, jnp.ones(d_hidden, float), jnp.zeros(d_hidden, float)), state

    def step(self, params: Params, state: Any, x: Input) -> Any:
        after = self.inner.step(params.cell, state, x)
        at = read_out(self.inner, after)
        leaves, structure = jax.tree.flatten(after)
        leaves[at] = params.gain * self._normalised(leaves[at]) + params.shift
        return jax.tree.unflatten(structure, leaves)

    def readout(self, state: Any) -> Hidden:
        return self.inner.readout(state)

    def recurrent(self, params: Params) -> Any:
        return self.inner.recurrent(params.cell)

    def gate_values(self, params: Params, state: Any, x: Input) -> dict[str, Float[Array, " N"]]:
        return self.inner.gate_values(params.cell, state, x)

    def _normalised(self, a: Hidden) -> Hidden:
        off = a - jnp.mean(a)
        return off / jnp.sqrt(jnp.mean(off * off) + self.epsilon)

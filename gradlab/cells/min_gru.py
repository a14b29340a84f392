"""Minimal gated recurrent unit, whose gate does not look at the hidden state."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import sigmoid
from gradlab.types import Cell, Initializer, Input, Key, Scalar


class Params(NamedTuple):
    """Weights and biases of z and n."""

    w_in: Float[Array, "2 N D"]
    b: Float[Array, "2 N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class MinGRU(Cell[Params, State]):
    """Minimal gated recurrent unit: the inputs alone say how far the memory h is kept.

    z = σ(U_z x + b_z)      n = U_n x + b_n
    h' = z h + (1 - z) n

    with U = w_in; z keeps, as in `gru` (the paper's z is 1 - z here); b_z starts at `keep_bias`.
    The transport is the product of the z of each unit: below 1 in every one, it never explodes. There is
    no dense w_rec; sweep keep_bias.

    Reference: Feng et al. 2024, Were RNNs all we needed?
    """

    keep_bias: float = 0.0

    gates = ("z", "n")
    has_gain = False
    carry_gate = "z"
    drawn = ("keep_bias",)

    def __post_init__(self) -> None:
        if not math.isfinite(self.keep_bias):
            raise ValueError(f"keep_bias={self.keep_bias} must be finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        del w_rec, initializer
        w_in = jax.random.normal(key, (2, d_hidden, d_in), float) / math.sqrt(d_in)
        b = jnp.zeros((2, d_hidden), float).at[self.gates.index("z")].set(self.keep_bias)
        return Params(w_in, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        z, n = jnp.unstack(params.w_in @ x + params.b)
        # 1 - σ(z) = σ(-z), without the cancellation that closes an almost closed gate for good.
        return State(sigmoid(z) * state.h + sigmoid(-z) * n)

    def recurrent(self, params: Params) -> tuple[Float[Array, "N D"], Float[Array, " N"]]:
        """Weights and bias of the gate z, which is all of the recurrence."""
        k = self.gates.index("z")
        return params.w_in[k], params.b[k]

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        del state
        w_in, b = self.recurrent(params)
        return {"z": sigmoid(w_in @ x + b)}

"""Minimal long short-term memory, whose gates do not look at the hidden state."""

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
    """Weights and biases of the gates f, i and of g."""

    w_in: Float[Array, "3 N D"]
    b: Float[Array, "3 N"]


class State(NamedTuple):
    """The hidden state, which is the memory."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class MinLSTM(Cell[Params, State]):
    """Minimal long short-term memory: two gates of the inputs alone share out the memory h.

    f = σ(U_f x + b_f)      i = σ(U_i x + b_i)      g = U_g x + b_g
    h' = f / (f + i) h + i / (f + i) g

    with U = w_in; b_f starts at `forget_bias`. The transport is the product of the f / (f + i) of each
    unit: below 1 in every one, it never explodes. There is no dense w_rec; sweep forget_bias. The
    openings f and i are the two shares.

    Reference: Feng et al. 2024, Were RNNs all we needed?
    """

    forget_bias: float = 0.0

    gates = ("f", "i", "g")
    has_gain = False
    carry_gate = "f"
    drawn = ("forget_bias",)

    def __post_init__(self) -> None:
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias={self.forget_bias} must be finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        del w_rec, initializer
        w_in = jax.random.normal(key, (3, d_hidden, d_in), float) / math.sqrt(d_in)
        b = jnp.zeros((3, d_hidden), float).at[self.gates.index("f")].set(self.forget_bias)
        return Params(w_in, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        f, i, g = jnp.unstack(params.w_in @ x + params.b)
        share = _log_odds(f, i)
        return State(sigmoid(share) * state.h + sigmoid(-share) * g)

    def recurrent(self, params: Params) -> tuple[Float[Array, "2 N D"], Float[Array, "2 N"]]:
        """Weights and biases of the gates f and i, which are all of the recurrence."""
        return params.w_in[:2], params.b[:2]

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        del state
        w_in, b = self.recurrent(params)
        share = _log_odds(*jnp.unstack(w_in @ x + b))
        return {"f": sigmoid(share), "i": sigmoid(-share)}


def _log_odds(f: Float[Array, " N"], i: Float[Array, " N"]) -> Float[Array, " N"]:
    """log(σ(f) / σ(i)), whose sigmoid is the share of f: no 0 / 0 where both gates are shut."""
    return jax.nn.softplus(-i) - jax.nn.softplus(-f)

"""Just another network: a forget gate and nothing else."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.cells import _biases
from gradlab.recurrence.activations import sigmoid, tanh
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#00353e"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates f, n."""

    w_in: Float[Array, "2 N D"]
    w_rec: Float[Array, "2 N N"]
    b: Float[Array, "2 N"]


class State(NamedTuple):
    """The hidden state, which is the memory cell too."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class JANET(Cell[Params, State]):
    """Just another network: an LSTM with the forget gate alone.

    f = σ(a),  i = 1 - σ(a - beta) = σ(beta - a),  a = W_f h + U_f x + b_f
    n = tanh(W_n h + U_n x + b_n)
    h' = f h + i n

    with W = w_rec, U = w_in. The memory h is carried by f. `beta` lets in more than is forgotten; with 0 the
    two are coupled, i = 1 - f. With `chrono` = the longest time scale expected, b_f starts at log(u),
    u ~ Uniform(1, chrono - 1).

    Reference: van der Westhuizen, Lasenby 2018, The unreasonable effectiveness of the forget gate; Tallec,
    Ollivier 2018, Can recurrent neural networks warp time?, for `chrono`.
    """

    beta: float = 1.0
    chrono: float = 0.0

    gates = ("f", "n")
    carry_gate = "f"
    drawn = ("chrono",)

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta):
            raise ValueError(f"beta={self.beta} must be finite")
        _biases.check_chrono(self.chrono)

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec, key_bias = jax.random.split(key, 3)
        w_in = jax.random.normal(key_in, (2, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 2)).astype(w_in.dtype)
        b = jnp.zeros((2, d_hidden), float)
        if self.chrono:
            b = b.at[0].set(_biases.chrono(key_bias, d_hidden, self.chrono))
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        h, (given_f, given_n) = state.h, jnp.unstack(params.w_in @ x + params.b)
        w_f, w_n = jnp.unstack(params.w_rec)
        a = w_f @ h + given_f
        # σ(beta - a) rather than 1 - σ(a - beta), which closes an almost closed gate for good.
        return State(sigmoid(a) * h + sigmoid(self.beta - a) * tanh(w_n @ h + given_n))

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        a = params.w_rec[0] @ state.h + params.w_in[0] @ x + params.b[0]
        return {"f": sigmoid(a), "i": sigmoid(self.beta - a)}

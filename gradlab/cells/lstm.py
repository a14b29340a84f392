"""Long short-term memory with a forget gate."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.activations import sigmoid, tanh
from gradlab.types import Cell, Initializer, Input, Key, Scalar


class Params(NamedTuple):
    """Weights and biases of the gates i, f, g, o."""

    w_in: Float[Array, "4 N D"]
    w_rec: Float[Array, "4 N N"]
    b: Float[Array, "4 N"]


class State(NamedTuple):
    """The hidden state and the memory cell."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class LSTM(Cell[Params, State]):
    """Long short-term memory; the memory c is carried from step to step by the forget gate alone.

    i = σ(W_i h + U_i x + b_i)      g = tanh(W_g h + U_g x + b_g)
    f = σ(W_f h + U_f x + b_f)      o = σ(W_o h + U_o x + b_o)
    c' = f c + i g                  h' = o tanh(c')

    with W = w_rec, U = w_in; b_f starts at `forget_bias`.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; Gers, Schmidhuber, Cummins 2000,
    Learning to forget.
    """

    forget_bias: float = 1.0

    gates = ("i", "f", "g", "o")
    memory = "c"

    def __post_init__(self) -> None:
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias={self.forget_bias} must be finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (4, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 4)).astype(w_in.dtype)
        b = jnp.zeros((4, d_hidden), float).at[self.gates.index("f")].set(self.forget_bias)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(h=zero, c=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        given = params.w_in @ x + params.b
        # One product a gate: their transposes run twice as fast as that of one batched product.
        i, f, g, o = (
            a + w @ state.h for a, w in zip(jnp.unstack(given), jnp.unstack(params.w_rec), strict=True)
        )
        c = sigmoid(f) * state.c + sigmoid(i) * tanh(g)
        return State(h=sigmoid(o) * tanh(c), c=c)

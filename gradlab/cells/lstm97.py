"""Long short-term memory as it was first: a memory that nothing forgets."""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import sigmoid, tanh
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#610000"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates i, g, o."""

    w_in: Float[Array, "3 N D"]
    w_rec: Float[Array, "3 N N"]
    b: Float[Array, "3 N"]


class State(NamedTuple):
    """The hidden state and the memory cell."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class LSTM97(Cell[Params, State]):
    """Long short-term memory without a forget gate: the memory c is carried with weight exactly 1.

    i = σ(W_i h + U_i x + b_i)      g = s(W_g h + U_g x + b_g)
    o = σ(W_o h + U_o x + b_o)
    c' = c + i g                    h' = o r(c')

    with W = w_rec, U = w_in. With h held still dc'/dc = 1, the constant error carousel: this path alone
    neither vanishes nor explodes. The whole transport has no closed form, as h feeds i, g and o, but where
    it does not (w_rec = 0) the norm stays within [1, √2] at every lag. Nothing bounds c.
    `squash=tanh`: s = r = tanh. `squash=logistic`, as published: s(a) = 4 σ(a) - 2, r(a) = 2 σ(a) - 1.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; trained there with a truncated gradient,
    here with the full one.
    """

    squash: Literal["tanh", "logistic"] = "tanh"

    gates = ("i", "g", "o")
    memory = "c"

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (3, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 3)).astype(w_in.dtype)
        b, zero = jnp.zeros((3, d_hidden), float), jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(h=zero, c=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        i, g, o = self._inputs(params, state, x)
        if self.squash == "tanh":
            c = state.c + sigmoid(i) * tanh(g)
            return State(h=sigmoid(o) * tanh(c), c=c)
        # 2 σ(a) - 1 = tanh(a / 2), which keeps its digits near 0.
        c = state.c + sigmoid(i) * (2 * tanh(g / 2))
        return State(h=sigmoid(o) * tanh(c / 2), c=c)

    def _inputs(self, params: Params, state: State, x: Input) -> list[Float[Array, " N"]]:
        """What goes into i, g and o."""
        given = params.w_in @ x + params.b
        # One product per gate: their transposes run twice as fast as that of one batched product.
        pairs = zip(jnp.unstack(given), jnp.unstack(params.w_rec), strict=True)
        return [a + w @ state.h for a, w in pairs]

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        i, _, o = self._inputs(params, state, x)
        return {"i": sigmoid(i), "o": sigmoid(o)}


DIAGRAM = """
with LSTM
layer i 3.9 1.9 i=σ
copy bi 3.9 0.9
j -- bi
bi -- i
bi -- bg
i |- xi
c -- add ~ 1
add -- k ~ 1
"""

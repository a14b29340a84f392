"""Long short-term memory whose gates see the memory."""

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

COLOR = "#951209"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates i, f, g, o; peepholes of i, f, o."""

    w_in: Float[Array, "4 N D"]
    w_rec: Float[Array, "4 N N"]
    peep: Float[Array, "3 N"]
    b: Float[Array, "4 N"]


class State(NamedTuple):
    """The hidden state and the memory cell."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class PeepholeLSTM(Cell[Params, State]):
    """Long short-term memory with peepholes: i and f see the memory as it was, o as it becomes.

    i = σ(W_i h + U_i x + p_i c + b_i)      g = tanh(W_g h + U_g x + b_g)
    f = σ(W_f h + U_f x + p_f c + b_f)      o = σ(W_o h + U_o x + p_o c' + b_o)
    c' = f c + i g                          h' = o tanh(c')

    with W = w_rec, U = w_in, p = peep; p is one vector per gate, initially N(0, 1/N). The memory c is carried
    by f, and by what the peepholes p_i and p_f see of it. b_f starts at `forget_bias`, or as `chrono` says
    (the longest time scale expected): at log(u), u ~ Uniform(1, chrono - 1), with b_i = -b_f.

    Reference: Gers, Schmidhuber 2000, Recurrent nets that time and count; Tallec, Ollivier 2018, Can
    recurrent neural networks warp time?, for `chrono`.
    """

    forget_bias: float = 1.0
    chrono: float = 0.0

    gates = ("i", "f", "g", "o")
    memory = "c"
    carry_gate = "f"
    drawn = ("forget_bias", "chrono")

    def __post_init__(self) -> None:
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias={self.forget_bias} must be finite")
        _biases.check_chrono(self.chrono)

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec, key_peep, key_bias = jax.random.split(key, 4)
        w_in = jax.random.normal(key_in, (4, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 4)).astype(w_in.dtype)
        peep = jax.random.normal(key_peep, (3, d_hidden), float) / math.sqrt(d_hidden)
        b = jnp.zeros((4, d_hidden), float).at[1].set(self.forget_bias)
        if self.chrono:
            slow = _biases.chrono(key_bias, d_hidden, self.chrono)
            b = b.at[0].set(-slow).at[1].set(slow)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, peep, b), State(h=zero, c=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        opened, c = self._gates(params, state, x)
        return State(h=opened["o"] * tanh(c), c=c)

    def _gates(
        self, params: Params, state: State, x: Input
    ) -> tuple[dict[str, Float[Array, " N"]], Float[Array, " N"]]:
        """The openings, and the new memory that the last of them has seen."""
        given = params.w_in @ x + params.b
        p_i, p_f, p_o = jnp.unstack(params.peep)
        # One product per gate: their transposes run twice as fast as that of one batched product.
        i, f, g, o = (
            a + w @ state.h for a, w in zip(jnp.unstack(given), jnp.unstack(params.w_rec), strict=True)
        )
        i, f = sigmoid(i + p_i * state.c), sigmoid(f + p_f * state.c)
        c = f * state.c + i * tanh(g)
        return {"i": i, "f": f, "o": sigmoid(o + p_o * c)}, c

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        return self._gates(params, state, x)[0]


DIAGRAM = """
any forget_bias chrono
with LSTM FORGET_AND_INPUT
copy p 1.0 4.4
copy pf 1.0 1.9
bend pd 1.0 1.3
bend pu 3.05 1.3
bend pi 3.05 1.9
copy po 6.45 4.4
c -- p ~ f
p -- xf = f
p -- pf
pf -- f
pf -- pd
pd -- pu
pu -- pi
pi -- i
xf -- add ~ 1
add -- po ~ 1
po -- k ~ 1
po |- o
"""

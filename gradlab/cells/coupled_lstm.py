"""Long short-term memory that writes what it forgets."""

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

COLOR = "#ca7200"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates f, g, o."""

    w_in: Float[Array, "3 N D"]
    w_rec: Float[Array, "3 N N"]
    b: Float[Array, "3 N"]


class State(NamedTuple):
    """The hidden state and the memory cell."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class CoupledLSTM(Cell[Params, State]):
    """Long short-term memory with its input and forget gate coupled: the memory c is a moving average of g.

    f = σ(a),  i = 1 - f = σ(-a),  a = W_f h + U_f x + b_f
    g = tanh(W_g h + U_g x + b_g)       o = σ(W_o h + U_o x + b_o)
    c' = f c + i g                      h' = o tanh(c')

    with W = w_rec, U = w_in; f alone carries c. b_f starts at `forget_bias`, or as `chrono` says (the
    longest time scale expected): at log(u), u ~ Uniform(1, chrono - 1).

    Reference: Greff et al. 2017, LSTM: a search space odyssey (its variant CIFG, there with peepholes);
    Tallec, Ollivier 2018, Can recurrent neural networks warp time?, for `chrono`.
    """

    forget_bias: float = 1.0
    chrono: float = 0.0

    gates = ("f", "g", "o")
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
        key_in, key_rec, key_bias = jax.random.split(key, 3)
        w_in = jax.random.normal(key_in, (3, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 3)).astype(w_in.dtype)
        bias = _biases.chrono(key_bias, d_hidden, self.chrono) if self.chrono else self.forget_bias
        b = jnp.zeros((3, d_hidden), float).at[0].set(bias)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(h=zero, c=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        f, g, o = self._inputs(params, state, x)
        # 1 - σ(f) = σ(-f), without the cancellation that closes an almost closed gate for good.
        c = sigmoid(f) * state.c + sigmoid(-f) * tanh(g)
        return State(h=sigmoid(o) * tanh(c), c=c)

    def _inputs(self, params: Params, state: State, x: Input) -> list[Float[Array, " N"]]:
        """What goes into f, g and o."""
        given = params.w_in @ x + params.b
        # One product per gate: their transposes run twice as fast as that of one batched product.
        pairs = zip(jnp.unstack(given), jnp.unstack(params.w_rec), strict=True)
        return [a + w @ state.h for a, w in pairs]

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        f, _, o = self._inputs(params, state, x)
        return {"i": sigmoid(-f), "f": sigmoid(f), "o": sigmoid(o)}


DIAGRAM = """
any forget_bias chrono
with LSTM
times xf 2.2 4.4
layer f 2.2 1.9 f=σ
copy u 2.2 3.1
minus m 3.9 3.1
copy bf 2.2 0.9
j -- bf
bf -- f
bf -- bg
f -- u
u -- xf
u -- m
m -- xi
c -- xf = f
xf -- add ~ 1
add -- k ~ 1
"""

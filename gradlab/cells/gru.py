"""Gated recurrent unit."""

import dataclasses
import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.cells import _biases
from gradlab.recurrence.activations import sigmoid, tanh
from gradlab.theory import mean_field
from gradlab.theory.mean_field import Drive, MeanField
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#007a5a"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates r, z, n."""

    w_in: Float[Array, "3 N D"]
    w_rec: Float[Array, "3 N N"]
    b: Float[Array, "3 N"]


class BiasedParams(NamedTuple):
    """The same, and the bias beside W_n h."""

    w_in: Float[Array, "3 N D"]
    w_rec: Float[Array, "3 N N"]
    b: Float[Array, "3 N"]
    b_rec: Float[Array, " N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class GRU(Cell[Params | BiasedParams, State]):
    """Gated recurrent unit; the reset gate acts before the recurrent product or after it.

    r = σ(W_r h + U_r x + b_r)      z = σ(W_z h + U_z x + b_z)
    n = tanh(W_n (r h) + U_n x + b_n)       reset=before
    n = tanh(r (W_n h) + U_n x + b_n)       reset=after
    n = tanh(r (W_n h + c_n) + U_n x + b_n)     reset=after_bias, as cuDNN and torch have it; c = b_rec
    h' = z h + (1 - z) n

    with W = w_rec, U = w_in. The memory h is carried by z. With `chrono` = the longest time scale expected,
    b_z starts at log(u), u ~ Uniform(1, chrono - 1).

    Reference: Cho et al. 2014, Learning phrase representations using RNN encoder-decoder; Tallec, Ollivier
    2018, Can recurrent neural networks warp time?, for `chrono`.
    """

    reset: Literal["before", "after", "after_bias"] = "before"
    chrono: float = 0.0

    gates = ("r", "z", "n")
    carry_gate = "z"
    drawn = ("chrono",)

    def __post_init__(self) -> None:
        _biases.check_chrono(self.chrono)

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params | BiasedParams, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (3, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 3)).astype(w_in.dtype)
        b = jnp.zeros((3, d_hidden), float)
        if self.chrono:
            # A further key by number: the weights do not depend on the setting.
            b = b.at[1].set(_biases.chrono(jax.random.fold_in(key, 2), d_hidden, self.chrono))
        w, state = jnp.asarray(w_rec, unit.dtype) * unit, State(jnp.zeros(d_hidden, float))
        if self.reset == "after_bias":
            return BiasedParams(w_in, w, b, jnp.zeros(d_hidden, float)), state
        return Params(w_in, w, b), state

    def step(self, params: Params | BiasedParams, state: State, x: Input) -> State:
        h, (w_r, w_z, w_n) = state.h, jnp.unstack(params.w_rec)
        given = params.w_in @ x + params.b
        r = sigmoid(w_r @ h + given[0])
        z = w_z @ h + given[1]
        n = tanh(self._recurrent(params, w_n, r, h) + given[2])
        # 1 - σ(z) = σ(-z), without the cancellation that closes an almost closed gate for good.
        return State(sigmoid(z) * h + sigmoid(-z) * n)

    def _recurrent(self, params: Params | BiasedParams, w_n: Any, r: Any, h: Any) -> Float[Array, " N"]:
        """What the candidate n gets of h."""
        felt: Array = w_n @ (r * h) if self.reset == "before" else w_n @ h
        if isinstance(params, BiasedParams):
            felt = felt + params.b_rec
        return felt if self.reset == "before" else r * felt

    def gate_values(
        self, params: Params | BiasedParams, state: State, x: Input
    ) -> dict[str, Float[Array, " N"]]:
        given = params.w_in @ x + params.b
        return {
            "r": sigmoid(params.w_rec[0] @ state.h + given[0]),
            "z": sigmoid(params.w_rec[1] @ state.h + given[1]),
        }

    def mean_field(self, w_rec: float, drive: Drive) -> MeanField | None:
        """Chi is that of matrices drawn anew at every step."""
        # The further bias starts at zero.
        reset: Any = self.reset.removesuffix("_bias")
        return None if self.chrono else mean_field.gru(w_rec, drive, reset=reset)


DIAGRAM = """
any chrono
port h 0 4.4 h
port h' 10.4 4.4 h'
port x 0 -0.1 x
copy a 1.0 4.4
copy d 3.4 4.4
bend ad 1.0 0.9
copy xc 1.7 -0.1
join j 1.7 0.9
bend xd 8.2 -0.1
copy br 2.3 0.9
layer r 2.3 1.9 r=σ
times xr 3.4 3.1
bend xrd 3.4 1.25
join jn 8.2 1.25
layer z 5.1 1.9 z=σ
copy u 5.1 3.1
times xz 5.1 4.4
minus m 6.6 3.1
layer n 8.2 1.9 n=tanh
times xn 8.2 3.1
plus add 8.2 4.4
h -- a ~ z
a -- d ~ z
a -- ad
ad -- j
x -- xc
xc -- j
xc -- xd
xd -- jn
j -- br
br -- r
br -| z
r |- xr
d -- xr = r
xr -- xrd
xrd -- jn
jn -- n
d -- xz = z
z -- u
u -- xz
u -- m
m -- xn
n -- xn = 1-z
xn -- add ~ 1
xz -- add ~ 1
add -- h' ~ 1
"""

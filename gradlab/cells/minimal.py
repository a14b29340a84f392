"""MinimalRNN: one gate that chooses between the state and the input."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import activations
from gradlab.recurrence.activations import sigmoid
from gradlab.theory import mean_field, quadrature
from gradlab.theory.mean_field import Drive, MeanField
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#4d4d4d"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias: of the input's embedding, and of the gate u."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "1 N N"]
    w_embedded: Float[Array, "1 N N"]
    b: Float[Array, "1 N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Minimal(Cell[Params, State]):
    """A state that is always a mixture of the inputs seen, as the gate u mixes them.

    e = f(W_in x)
    u = σ(W h + V e + b)
    h' = u h + (1 - u) e

    with W = w_rec, V = w_embedded (entries N(0, 1/N)). The memory h is carried by the gate u. `embedding` is
    f; with `identity` and D = N inputs mean-field theory has the squared gradient grow by
    E[u^2] + w_rec^2 (Q + R) E[u'^2] per step, for the initialiser gaussian, e of variance R, h of Q.

    Reference: Chen 2017, MinimalRNN: toward more interpretable and trainable recurrent neural networks;
    Chen, Pennington, Schoenholz 2018, Dynamical isometry and a mean field theory of RNNs.
    """

    embedding: activations.Activation = "tanh"

    gates = ("u",)
    carry_gate = "u"

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec, key_embedded = jax.random.split(key, 3)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = initializer(key_rec, d_hidden).astype(w_in.dtype)[None]
        w_embedded = jax.random.normal(key_embedded, (1, d_hidden, d_hidden), float) / math.sqrt(d_hidden)
        b = jnp.zeros((1, d_hidden), float)
        params = Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, w_embedded, b)
        return params, State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        e, a = self._gate(params, state, x)
        # 1 - σ(a) = σ(-a), without the cancellation that closes an almost closed gate for good.
        return State(sigmoid(a) * state.h + sigmoid(-a) * e)

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        return {"u": sigmoid(self._gate(params, state, x)[1])}

    def _gate(self, params: Params, state: State, x: Input) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
        e = activations.named(self.embedding)(params.w_in @ x)
        return e, params.w_rec[0] @ state.h + params.w_embedded[0] @ e + params.b[0]

    def mean_field(self, w_rec: float, drive: Drive) -> MeanField | None:
        f = quadrature.FUNCTIONS[self.embedding][0]
        power = quadrature.average(lambda e: f(e) ** 2, drive.variance)
        return mean_field.minimal(w_rec, power, inputs=drive.inputs)

"""Elman's simple recurrent network."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import activations
from gradlab.theory import mean_field
from gradlab.theory.mean_field import Drive, MeanField
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#0072b2"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "N N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Elman(Cell[Params, State]):
    """Simple recurrent network; `activation=identity` makes it linear.

    h' = f(W_rec h + W_in x + b)

    Reference: Elman 1990, Finding structure in time.
    """

    activation: activations.Activation = "tanh"

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = initializer(key_rec, d_hidden).astype(w_in.dtype)
        b = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        return State(self.f(self.drive(params, state, x)))

    def drive(self, params: Params, state: State, x: Input) -> Float[Array, " N"]:
        """The pre-activation."""
        return params.w_rec @ state.h + params.w_in @ x + params.b

    def f(self, a: Array) -> Array:
        """The activation."""
        return activations.named(self.activation)(a)

    def mean_field(self, w_rec: float, drive: Drive) -> MeanField | None:
        return mean_field.vanilla(self.activation, w_rec, drive)

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 of the transport per step, W orthogonal at first: log10 |w_rec| if linear, else unknown."""
        return math.log10(abs(w_rec)) if self.activation == "identity" and w_rec else None


DIAGRAM = """
any activation=tanh
port h 0 2.4 h
port x 2.4 0.9 x
port h' 10.4 2.4 h'
join j 2.4 2.4
layer a 5.4 2.4 {activation}
h -- j ~ step
x -- j
j -- a = step
a -- h' ~ step
"""

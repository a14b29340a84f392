"""Independently recurrent network."""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import activations
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#463eb0"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias; each unit has one recurrent weight."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, " N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class IndRNN(Cell[Params, State]):
    """Units that are recurrent with themselves alone: the transport is a product of numbers, unit by unit.

    h' = f(w h + W_in x + b)       dh'_i/dh_i = w_i f'(a_i),   a = w h + W_in x + b

    The recurrent weights w start as w_rec times ones, or (`start=uniform`) times draws from U(0, 1), so that
    units keep the past for different times. Whatever initialiser is asked for is not used: there is no
    recurrent matrix.

    Reference: Li, Li, Cook, Zhu, Gao 2018, Independently recurrent neural network (IndRNN): building a longer
    and deeper RNN.
    """

    activation: activations.Activation = "relu"
    start: Literal["ones", "uniform"] = "ones"

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        del initializer
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jnp.ones(d_hidden, float)
        if self.start == "uniform":
            unit = jax.random.uniform(key_rec, (d_hidden,), float)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, zero), State(zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        f = activations.named(self.activation)
        return State(f(params.w_rec * state.h + params.w_in @ x + params.b))

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 |w_rec| if linear and initialised at ones, else unknown."""
        known = self.activation == "identity" and self.start == "ones" and w_rec
        return math.log10(abs(w_rec)) if known else None

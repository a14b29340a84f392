"""Rectified recurrent network initialised at the identity."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import relu
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#588dc1"
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
class IRNN(Cell[Params, State]):
    """Elman's network of rectified units whose recurrent matrix starts as w_rec times the identity.

    h' = max(W_rec h + W_in x + b, 0)

    The initialisation is what makes this cell, so whatever initialiser is asked for is not used. A unit that
    stays above 0 hands its gradient back multiplied by w_rec; one that falls to 0 passes nothing then.

    Reference: Le, Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified linear
    units.
    """

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        del initializer
        w_in = jax.random.normal(key, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jnp.eye(d_hidden, dtype=float)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, zero), State(zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        return State(relu(params.w_rec @ state.h + params.w_in @ x + params.b))

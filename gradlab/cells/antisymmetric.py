"""AntisymmetricRNN: a stable differential equation in Euler steps."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import sigmoid, tanh
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#b07295"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """One recurrent matrix; input weights and a bias for the update and, if there is one, the gate."""

    w_in: Float[Array, "K N D"]
    w_rec: Float[Array, "N N"]
    b: Float[Array, "K N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Antisymmetric(Cell[Params, State]):
    """A network that adds to its state, driven by an antisymmetric matrix with a little damping.

    r = (W - W^T - gamma 1) h
    h' = h + eps tanh(r + U x + b)
    h' = h + eps z tanh(r + U x + b),   z = σ(r + U_z x + b_z)       gate=true

    with W = w_rec, U = w_in. The memory path is the sum h' = h + ...: with gamma = 0 and no gate every
    eigenvalue of dh'/dh is 1 + i eps m with m real, so none vanishes and none grows by more than
    (eps m)^2 / 2 per step. `eps` is the Euler step, `gamma` the damping that makes up for this growth. A
    symmetric initial matrix (the initialiser `identity`) leaves no recurrence but the damping.

    Reference: Chang, Chen, Haber, Chi 2019, AntisymmetricRNN: a dynamical system view on recurrent neural
    networks.
    """

    eps: float = 0.1
    gamma: float = 0.1
    gate: bool = False

    def __post_init__(self) -> None:
        if not (self.eps > 0 and math.isfinite(self.eps)):
            raise ValueError(f"eps={self.eps} must be positive and finite")
        if not (self.gamma >= 0 and math.isfinite(self.gamma)):
            raise ValueError(f"gamma={self.gamma} must be at least 0 and finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        rows = 2 if self.gate else 1
        w_in = jax.random.normal(key_in, (rows, d_hidden, d_in), float) / math.sqrt(d_in)
        unit = initializer(key_rec, d_hidden).astype(w_in.dtype)
        b = jnp.zeros((rows, d_hidden), float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        recurrent, given = self._given(params, state, x)
        update = tanh(recurrent + given[0])
        if self.gate:
            update = sigmoid(recurrent + given[1]) * update
        return State(state.h + self.eps * update)

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        """The gate z of the update; it does not touch what is kept."""
        recurrent, given = self._given(params, state, x)
        return {"z": sigmoid(recurrent + given[1])} if self.gate else {}

    def _given(
        self, params: Params, state: State, x: Input
    ) -> tuple[Float[Array, " N"], Float[Array, "K N"]]:
        w = params.w_rec - params.w_rec.T
        return w @ state.h - self.gamma * state.h, params.w_in @ x + params.b

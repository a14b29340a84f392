"""Coupled oscillatory recurrent network."""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import tanh
from gradlab.types import Cell, Hidden, Initializer, Input, Key, Scalar

COLOR = "#6a357b"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias; the recurrent matrices act on y and on z."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "2 N N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """Positions of the oscillators, and their velocities."""

    y: Float[Array, " N"]
    z: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class CoRNN(Cell[Params, State]):
    """Oscillators with damping, coupled and driven through a bounded force, in steps of dt.

    z' = z + dt (tanh(W_y y + W_z z + U x + b) - gamma y - epsilon z)
    y' = y + dt z'

    with W = w_rec, U = w_in. The memory y moves by dt times the velocity alone, so dy'/dy is 1 up to dt^2
    and the Jacobian of a step is within order dt of the identity. `gamma` is the square of each
    oscillator's frequency, `epsilon` its damping; `damping=implicit` takes the damping at the new z
    (z' / (1 + dt epsilon), stable for any epsilon), for which the paper proves its bounds.

    Reference: Rusch, Mishra 2021, Coupled oscillatory recurrent neural network (coRNN): an accurate and
    (gradient) stable architecture for learning long time dependencies.
    """

    dt: float = 0.05
    gamma: float = 1.0
    epsilon: float = 1.0
    damping: Literal["explicit", "implicit"] = "explicit"

    memory = "y"

    def __post_init__(self) -> None:
        if not (self.dt > 0 and math.isfinite(self.dt)):
            raise ValueError(f"dt={self.dt} must be positive and finite")
        for name in ("gamma", "epsilon"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name}={value} must be at least 0 and finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key_rec, 2)).astype(w_in.dtype)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, zero), State(y=zero, z=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        (y, z), (w_y, w_z) = state, jnp.unstack(params.w_rec)
        force = tanh(w_y @ y + w_z @ z + params.w_in @ x + params.b) - self.gamma * y
        if self.damping == "implicit":
            z = (z + self.dt * force) / (1 + self.dt * self.epsilon)
        else:
            z = z + self.dt * (force - self.epsilon * z)
        return State(y=y + self.dt * z, z=z)

    def readout(self, state: State) -> Hidden:
        return state.y

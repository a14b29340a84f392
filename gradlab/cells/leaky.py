"""Leaky integrator units."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import activations
from gradlab.types import Cell, Initializer, Input, Key, Scalar


class Params(NamedTuple):
    """Weights and bias."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "N N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Leaky(Cell[Params, State]):
    """Continuous-time units in Euler steps: the state leaks away while the network's output flows in.

    h' = (1 - leak) h + leak f(W_rec h + W_in x + b)

    `leak` is the step over the time constant, dt / tau: without recurrence a state is down to 1/e after
    about 1 / leak steps. `leak=1` is Elman's network.

    Reference: Jaeger, Lukoševičius, Popovici, Siewert 2007, Optimization and applications of echo state
    networks with leaky-integrator neurons; Bengio, Boulanger-Lewandowski, Pascanu 2013, Advances in
    optimizing recurrent networks.
    """

    leak: float = 0.2
    activation: activations.Activation = "tanh"

    def __post_init__(self) -> None:
        if not 0 < self.leak <= 1:
            raise ValueError(f"leak={self.leak} must be in (0, 1]")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec = jax.random.split(key)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        unit = initializer(key_rec, d_hidden).astype(w_in.dtype)
        zero = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, zero), State(zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        f = activations.named(self.activation)
        a = params.w_rec @ state.h + params.w_in @ x + params.b
        return State((1 - self.leak) * state.h + self.leak * f(a))

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 |w_rec| if linear and without leak.

        With a leak the rate follows from the angles of the matrix's eigenvalues, which are drawn.
        """
        known = self.activation == "identity" and self.leak == 1 and w_rec
        return math.log10(abs(w_rec)) if known else None

"""Echo state network: a leaky reservoir that is not trained."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.activations import tanh
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#a8487f"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "N N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """The reservoir's state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class ESN(Cell[Params, State]):
    """Echo state network of leaky integrators; only a readout on top of it is trained.

    h' = (1 - leak) h + leak tanh(W_rec h + W_in x + b)

    W_rec is the initialiser's matrix with a share `density` of its entries kept, rescaled so that its
    spectral radius is w_rec (the eigenvalues are computed on the CPU only). One self-connection is always
    kept, so that a small reservoir cannot come out with radius 0. `leak=1` is the plain reservoir.

    Reference: Jaeger 2001, The echo state approach to analysing and training recurrent neural networks;
    Jaeger, Lukoševičius, Popovici, Siewert 2007, Optimization and applications of echo state networks with
    leaky-integrator neurons.
    """

    leak: float = 0.3
    density: float = 0.1
    input_scaling: float = 1.0

    fixed = ("w_in", "w_rec", "b")
    drawn = ("density", "input_scaling")

    def __post_init__(self) -> None:
        for name in ("leak", "density"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be in (0, 1]")
        if not (self.input_scaling > 0 and math.isfinite(self.input_scaling)):
            raise ValueError(f"input_scaling={self.input_scaling} must be positive and finite")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec, key_kept = jax.random.split(key, 3)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) * (self.input_scaling / math.sqrt(d_in))
        kept = jax.random.bernoulli(key_kept, self.density, (d_hidden, d_hidden)).at[0, 0].set(True)
        sparse = jnp.where(kept, initializer(key_rec, d_hidden).astype(w_in.dtype), 0)
        unit = sparse / jnp.abs(jnp.linalg.eigvals(sparse)).max()
        b = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, b), State(jnp.zeros(d_hidden, float))

    def step(self, params: Params, state: State, x: Input) -> State:
        a = params.w_rec @ state.h + params.w_in @ x + params.b
        return State((1 - self.leak) * state.h + self.leak * tanh(a))

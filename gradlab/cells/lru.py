"""Linear recurrent unit: a complex diagonal recurrence."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gradlab.types import Cell, Hidden, Initializer, Input, Key, Scalar

COLOR = "#3e0084"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Logarithms of decay, phase and input gain, and the real and imaginary input weights."""

    nu: Float[Array, " N"]
    theta: Float[Array, " N"]
    gamma: Float[Array, " N"]
    w_in: Float[Array, "2 N D"]


class State(NamedTuple):
    """Real and imaginary part of the state."""

    re: Float[Array, " N"]
    im: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class LRU(Cell[Params, State]):
    """Linear recurrent unit: every unit turns and shrinks its own complex number, and no other's.

    z' = λ z + exp(γ) (U_re + i U_im) x,    z = re + i im,    λ = exp(-exp(ν) + i exp(θ))

    with U = w_in. At the start |λ|^2 is uniform on [r_min^2, r_max^2], the phase uniform on (0, max_phase)
    in radians, and exp(γ) = sqrt(1 - |λ|^2), so that the state is no larger where the memory is longer.
    |λ| < 1 whatever ν is: this cell cannot explode. It has no dense w_rec; sweep r_min and r_max. The
    memory is the pair (re, im), whose transport is |λ|^lag in each unit; the readout is re.

    Reference: Orvieto et al. 2023, Resurrecting recurrent neural networks for long sequences.
    """

    r_min: float = 0.9
    r_max: float = 0.999
    max_phase: float = 2 * math.pi

    memory = "re"
    has_gain = False
    drawn = ("r_min", "r_max", "max_phase")

    def __post_init__(self) -> None:
        if not 0 < self.r_max < 1:
            raise ValueError(f"r_max={self.r_max} must be in (0, 1)")
        if not 0 <= self.r_min <= self.r_max:
            raise ValueError(f"r_min={self.r_min} must be in [0, r_max={self.r_max}]")
        if not 0 < self.max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase={self.max_phase} must be in (0, 2 pi]")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        del w_rec, initializer
        key_in, key_radius, key_phase = jax.random.split(key, 3)
        # A complex weight of variance 1 / D, half of it in each part.
        w_in = jax.random.normal(key_in, (2, d_hidden, d_in), float) / math.sqrt(2 * d_in)
        # Never 0, whose logarithm no parameter can hold.
        least = float(np.finfo(w_in.dtype).eps)
        area, turn = (jax.random.uniform(k, (d_hidden,), float, least) for k in (key_radius, key_phase))
        log_square = jnp.log(self.r_min**2 + area * (self.r_max**2 - self.r_min**2))
        nu = jnp.log(-log_square / 2)
        gamma = jnp.log(-jnp.expm1(log_square)) / 2
        zero = jnp.zeros(d_hidden, float)
        return Params(nu, jnp.log(turn * self.max_phase), gamma, w_in), State(re=zero, im=zero)

    def step(self, params: Params, state: State, x: Input) -> State:
        radius, phase, scale = jnp.exp(-jnp.exp(params.nu)), jnp.exp(params.theta), jnp.exp(params.gamma)
        across, up = radius * jnp.cos(phase), radius * jnp.sin(phase)
        u_re, u_im = jnp.unstack(params.w_in)
        return State(
            re=across * state.re - up * state.im + scale * (u_re @ x),
            im=up * state.re + across * state.im + scale * (u_im @ x),
        )

    def readout(self, state: State) -> Hidden:
        return state.re

    def recurrent(self, params: Params) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
        """The logarithms that make λ."""
        return params.nu, params.theta

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 |λ| where all units share one |λ|: r_min = r_max; the largest of the draw otherwise."""
        del w_rec
        return math.log10(self.r_max) if self.r_min == self.r_max else None

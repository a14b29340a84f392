"""A waveform from one input."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Generate(Task):
    """Play a waveform whose Fourier coefficients come in at the first step and never again.

    x_1 = (a_1 .. a_K, b_1 .. b_K),  a_k, b_k ~ N(0, 1)
    y_t = sum_{k=1..K} (a_k cos(2 pi k t / `period`) + b_k sin(2 pi k t / `period`)) / sqrt(K)

    K = `waves`. A linear recurrence of K rotations solves it exactly. The chance level is Var(y) = 1; the
    error is the normalised root mean square error (NRMSE), pooled over sequences.

    Reference: Doya, Yoshizawa 1989, Adaptive neural oscillator using continuous-time back-propagation
    learning.
    """

    waves: int = 2
    period: float = 20.0
    shortest: int = 0

    form = "one to many"
    least = 2
    solved = 0.1

    def __post_init__(self) -> None:
        if self.waves < 1:
            raise ValueError(f"waves={self.waves} must be at least 1")
        if not 2 * self.waves < self.period < math.inf:
            raise ValueError(f"period={self.period} must be finite and above {2 * self.waves}, twice waves")
        _common.check_shortest(self)

    @property
    def sizes(self) -> tuple[int, int]:
        return 2 * self.waves, 1

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_code = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        code = jax.random.normal(key_code, (2 * self.waves,), float)
        t = jnp.arange(1, T + 1).astype(float)[:, None]
        angle = 2 * math.pi / self.period * t * jnp.arange(1, self.waves + 1).astype(float)[None, :]
        waves = jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=1) @ code / math.sqrt(self.waves)
        counted = _common.within(length, T)
        xs = jnp.zeros((T, 2 * self.waves), float).at[0].set(code)
        return Example(xs, jnp.where(counted, waves, 0.0)[:, None], counted.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> _common.Misses:
        return _common.misses(outputs, example.target, example.counted)

    def overall(self, errors: _common.Misses) -> Scalar:
        return _common.normalised(errors)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return 1.0

"""Prediction of a sine wave."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Sine(Task):
    """Predict a sine wave of unknown frequency and phase, `ahead` steps ahead.

    x_t = sin(w t + p),  p ~ U(0, 2 pi),  w ~ U(2 pi / `slowest`, 2 pi / `fastest`);  y_t = x_{t + ahead}

    Periods are in steps. Steps count from the third on: two values do not tell whether the wave rises or
    falls on from there. The chance level is 1/2; the error is the normalised root mean square error (NRMSE),
    pooled over sequences.

    Reference: Doya, Yoshizawa 1989, Adaptive neural oscillator using continuous-time back-propagation
    learning.
    """

    ahead: int = 1
    fastest: float = 8.0
    slowest: float = 40.0
    shortest: int = 0

    form = "many to many"
    sizes = (1, 1)
    least = 4
    solved = 0.1

    def __post_init__(self) -> None:
        if self.ahead < 1:
            raise ValueError(f"ahead={self.ahead} must be at least 1")
        if not self.fastest > 2:
            raise ValueError(f"fastest={self.fastest} must be above 2 steps a period")
        if not self.fastest <= self.slowest < math.inf:
            raise ValueError(f"slowest={self.slowest} must be finite and at least fastest={self.fastest}")
        _common.check_shortest(self)

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_phase, key_rate = jax.random.split(key, 3)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        phase = jax.random.uniform(key_phase, (), float, 0.0, 2 * math.pi)
        rate = jax.random.uniform(key_rate, (), float, 2 * math.pi / self.slowest, 2 * math.pi / self.fastest)
        wave = jnp.sin(rate * jnp.arange(T + self.ahead).astype(float) + phase)
        present = _common.within(length, T)
        counted = present & (jnp.arange(T) >= 2)
        xs = jnp.where(present, wave[:T], 0.0)[:, None]
        target = jnp.where(counted, wave[self.ahead :], 0.0)[:, None]
        return Example(xs, target, counted.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> _common.Misses:
        return _common.misses(outputs, example.target, example.counted)

    def overall(self, errors: _common.Misses) -> Scalar:
        return _common.normalised(errors)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return 1 / 2

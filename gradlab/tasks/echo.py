"""The delay line."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Echo(Task):
    """Say what came in `delay` steps ago.

    x_t ~ U(-1, 1);  y_t = x_{t - delay} for t > delay

    The chance level is Var(x) = 1/3; the error is the normalised root mean square error (NRMSE), pooled
    over sequences.

    Reference: Jaeger 2001, Short term memory in echo state networks.
    """

    delay: int = 10
    shortest: int = 0

    form = "many to many"
    sizes = (1, 1)
    solved = 0.1

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise ValueError(f"delay={self.delay} must not be negative")
        _common.check_shortest(self)

    @property
    def least(self) -> int:
        return self.delay + 2

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_row = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        present = _common.within(length, T)
        row = jnp.where(present, jax.random.uniform(key_row, (T,), float, -1.0, 1.0), 0.0)
        counted = present & (jnp.arange(T) >= self.delay)
        target = jnp.where(counted, jnp.roll(row, self.delay), 0.0)
        return Example(row[:, None], target[:, None], counted.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> _common.Misses:
        return _common.misses(outputs, example.target, example.counted)

    def overall(self, errors: _common.Misses) -> Scalar:
        return _common.normalised(errors)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return 1 / 3

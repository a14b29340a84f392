"""The latching problem."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Latch(Task):
    """Keep one bit, shown in the first steps, through noise.

    x_t = +1 or -1, the class, for t <= `informative`;  x_t ~ N(0, `noise`^2) afterwards

    Two classes; the chance level is ln 2.

    Reference: Bengio, Simard, Frasconi 1994, Learning long-term dependencies with gradient descent is
    difficult; the fixed +1 and -1 are those of Hochreiter, Schmidhuber 1997, Long short-term memory.
    """

    noise: Scalar = 0.2
    informative: int = 3
    shortest: int = 0

    form = "many to one"
    sizes = (1, 2)
    solved = 0.01

    def __post_init__(self) -> None:
        if not (self.noise >= 0 and math.isfinite(self.noise)):
            raise ValueError(f"noise={self.noise} must be finite and not negative")
        if self.informative < 1:
            raise ValueError(f"informative={self.informative} must be at least 1")
        _common.check_shortest(self)

    @property
    def least(self) -> int:
        return self.informative

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_class, key_noise = jax.random.split(key, 3)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        answer = jax.random.bernoulli(key_class).astype(int)
        noise = self.noise * jax.random.normal(key_noise, (T,), float)
        row = jnp.where(jnp.arange(T) < self.informative, 2.0 * answer.astype(float) - 1.0, noise)
        xs = jnp.where(_common.within(length, T), row, 0.0)[:, None]
        return Example(xs, *_common.at_last(answer, length, T), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_wrong(outputs, example.target, example.counted)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return math.log(2)

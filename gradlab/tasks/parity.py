"""Parity."""

import dataclasses
import math

import jax
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Parity(Task):
    """Tell whether the number of ones is odd; every bit matters equally.

    x_t in {0, 1} with equal odds;  class = sum_t x_t mod 2

    Two classes; the chance level is ln 2.

    Reference: Minsky, Papert 1969, Perceptrons.
    """

    shortest: int = 0

    form = "many to one"
    sizes = (1, 2)
    least = 1
    solved = 0.01

    def __post_init__(self) -> None:
        _common.check_shortest(self)

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_bits = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        bits = jax.random.bernoulli(key_bits, shape=(T,)) & _common.within(length, T)
        answer = bits.sum(dtype=int) % 2
        return Example(bits.astype(float)[:, None], *_common.at_last(answer, length, T), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_wrong(outputs, example.target, example.counted)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return math.log(2)

"""The random permutation problem."""

import dataclasses
import math
import statistics

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Recall(Task):
    """Predict the next symbol of a random row whose last one repeats its first.

    s_1 = s_{T+1} in {0, 1};  s_2 .. s_T in {2 .. symbols - 1};  at step t: s_t goes in, s_{t+1} is asked

    Only s_{T+1} can be known, and only by whoever still has s_1: the error reads it alone. With
    `every=false` the loss does so too. The chance level is ((T - 1) ln(symbols - 2) + ln 2) / T, or ln 2.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; Martens, Sutskever 2011, Learning
    recurrent neural networks with Hessian-free optimization.
    """

    symbols: int = 100
    every: bool = True
    shortest: int = 0

    least = 2
    solved = 0.01

    def __post_init__(self) -> None:
        if self.symbols < 3:
            raise ValueError(f"symbols={self.symbols} must be at least 3")
        _common.check_shortest(self)

    @property
    def form(self) -> str:
        return "many to many" if self.every else "many to one"

    @property
    def sizes(self) -> tuple[int, int]:
        return self.symbols, self.symbols

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_first, key_row = jax.random.split(key, 3)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        first = jax.random.bernoulli(key_first).astype(int)
        row = jax.random.randint(key_row, (T + 1,), 2, self.symbols).at[0].set(first).at[length].set(first)
        present = _common.within(length, T)
        counted = present if self.every else jnp.arange(T) == length - 1
        xs = _common.one_hot(row[:-1], self.symbols, present)
        return Example(xs, jnp.where(counted, row[1:], 0), counted.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        last = jnp.arange(len(example.counted)) == example.length - 1
        return _common.share_wrong(outputs, example.target, last.astype(float))

    def chance(self, T: int) -> float:
        possible = _common.lengths(self, T)
        if not self.every:
            return math.log(2)
        others = math.log(self.symbols - 2)
        return statistics.fmean(others + (math.log(2) - others) / length for length in possible)

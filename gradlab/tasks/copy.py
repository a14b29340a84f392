"""The copying memory problem."""

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
class Copy(Task):
    """Repeat a row of symbols after a long wait.

    inputs:   s_1 .. s_n, blanks, marker, n blanks      outputs:  T - n blanks, s_1 .. s_n

    with n = `symbols`, each one of `categories`. T counts every step; the wait is T - 2n, so the chance
    level, n ln(categories) / T, is 10 ln 8 / (wait + 20) with the defaults: it knows when to answer, not
    what. Every step is in the loss; the error is the share of the n answers that are wrong.

    Reference: Arjovsky, Shah, Bengio 2016, Unitary evolution recurrent neural networks; the task is from
    Hochreiter, Schmidhuber 1997, Long short-term memory.
    """

    symbols: int = 10
    categories: int = 8
    shortest: int = 0

    form = "many to many"
    solved = 0.01

    def __post_init__(self) -> None:
        if self.symbols < 1:
            raise ValueError(f"symbols={self.symbols} must be at least 1")
        if self.categories < 2:
            raise ValueError(f"categories={self.categories} must be at least 2")
        _common.check_shortest(self)

    @property
    def sizes(self) -> tuple[int, int]:
        return self.categories + 2, self.categories + 1

    @property
    def least(self) -> int:
        return 2 * self.symbols + 1

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_symbols = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        symbols = jax.random.randint(key_symbols, (self.symbols,), 0, self.categories)
        blank, marker = self.categories, self.categories + 1
        t, asked = jnp.arange(T), length - self.symbols
        row = jnp.full(T, blank).at[: self.symbols].set(symbols).at[asked - 1].set(marker)
        answers = symbols[jnp.clip(t - asked, 0, self.symbols - 1)]
        present = _common.within(length, T)
        target = jnp.where((t >= asked) & present, answers, blank)
        return Example(_common.one_hot(row, blank + 2, present), target, present.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        answers = example.target < self.categories
        return _common.share_wrong(outputs, example.target, answers.astype(float))

    def chance(self, T: int) -> float:
        each = (self.symbols * math.log(self.categories) / length for length in _common.lengths(self, T))
        return statistics.fmean(each)

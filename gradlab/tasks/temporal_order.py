"""The temporal order problem."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common
from gradlab.types import Example, Key, Scalar, Task

TENTHS = {2: (1, 5), 3: (1, 3, 6)}
"""Where the tenth of the sequence begins in which each relevant symbol stands, in tenths of the length."""


@dataclasses.dataclass(frozen=True)
class TemporalOrder(Task):
    """Tell in which order A and B came, at a few places among four distractors.

    symbol k in {A, B} at a step drawn from [s_k T / 10, (s_k + 1) T / 10);  class = sum_k 2^k [B at place k]

    `symbols=2`: s = 1, 5 and 4 classes; `symbols=3`: s = 1, 3, 6 and 8 classes. Six inputs, one-hot. The
    chance level is symbols ln 2.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; the places are those of Pascanu,
    Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """

    symbols: int = 2
    shortest: int = 0

    form = "many to one"
    least = 10
    solved = 0.01

    def __post_init__(self) -> None:
        if self.symbols not in TENTHS:
            raise ValueError(f"symbols={self.symbols} must be 2 or 3")
        _common.check_shortest(self)

    @property
    def sizes(self) -> tuple[int, int]:
        return 6, 2**self.symbols

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_symbol, key_place, key_other = jax.random.split(key, 4)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        bits = jax.random.bernoulli(key_symbol, shape=(self.symbols,)).astype(int)
        starts = jnp.array(TENTHS[self.symbols]) * length // 10
        places = starts + jax.random.randint(key_place, (self.symbols,), 0, length // 10)
        row = jax.random.randint(key_other, (T,), 2, 6).at[places].set(bits)
        answer = (bits * 2 ** jnp.arange(self.symbols)).sum()
        xs = _common.one_hot(row, 6, _common.within(length, T))
        return Example(xs, *_common.at_last(answer, length, T), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.cross_entropy(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_wrong(outputs, example.target, example.counted)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return self.symbols * math.log(2)

"""The multiplication problem."""

import dataclasses

from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common, _marked
from gradlab.types import Example, Key, Scalar, Task


@dataclasses.dataclass(frozen=True)
class Multiplication(Task):
    """Multiply the two marked numbers of a long row.

    x_t = (u_t, m_t),  u_t ~ U(0, 1);  m_t = 1 once in each half, else 0;  y = u_i u_j

    The chance level is Var(y) = E[u^2]^2 - E[u]^4 = 1/9 - 1/16 = 7/144. An answer is wrong when it is off
    by more than `tolerance`.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory.
    """

    tolerance: Scalar = 0.04
    shortest: int = 0

    form = "many to one"
    sizes = (2, 1)
    least = 2
    solved = 0.01

    def __post_init__(self) -> None:
        _marked.check_tolerance(self.tolerance)
        _common.check_shortest(self)

    def sample(self, key: Key, T: int) -> Example:
        xs, first, second, length = _marked.draw(key, _common.lengths(self, T), T)
        return Example(xs, *_common.at_last((first * second)[None], length, T), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.share_missed(outputs, example.target, example.counted, self.tolerance)

    def chance(self, T: int) -> float:
        _common.lengths(self, T)
        return 7 / 144

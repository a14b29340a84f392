"""A start at another gain than the other arms have."""

import dataclasses
from typing import Any

from jax import Array
from jaxtyping import Float

from gradlab.remedies import _checks
from gradlab.types import Initializer, Key, Remedy


def gain(*, factor: float = 1.0) -> Remedy:
    """Multiply the recurrent weights at the start, beside what `w_rec` says for all arms.

    W_rec = w_rec factor U,   U from the initialiser, or from another one: `orthogonal+gain(1.5)`

    Reference: Sussillo, Abbott 2014, Random walk initialization for training very deep feedforward networks.
    """
    _checks.positive("factor", factor)
    return Remedy(cell=_with_gain, init=lambda start: _times(start, factor))


def _with_gain(cell: Any) -> Any:
    if not cell.has_gain:
        raise ValueError("needs a cell whose recurrent weights have a gain")
    return cell


def _times(start: Initializer, factor: float) -> Initializer:
    if factor == 1:
        return start
    return TunedTimes(start, factor) if hasattr(start, "for_cell") else Times(start, factor)


@dataclasses.dataclass(frozen=True)
class Times:
    """An initialiser's matrices times a number."""

    start: Any
    factor: float

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        w: Float[Array, "{n} {n}"] = self.factor * self.start(key, n)
        return w


class TunedTimes(Times):
    """One that depends on the cell, and is made for it first."""

    def for_cell(self, *given: Any) -> Times:
        """The initialiser made for a cell and its inputs."""
        return Times(self.start.for_cell(*given), self.factor)

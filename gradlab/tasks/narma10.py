"""The tenth-order NARMA system."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common, _simulated
from gradlab.types import Example, Key, Scalar, Task

ORDER = 10


@dataclasses.dataclass(frozen=True)
class Narma10(Task):
    """Follow a nonlinear system of order ten, from its inputs alone.

    y_t = 0.3 y_{t-1} + 0.05 y_{t-1} sum_{i=1..10} y_{t-i} + 1.5 u_t u_{t-9} + 0.1,  u_t ~ U(0, 1/2)

    The system starts at rest, and steps count from the tenth on. Some inputs would make it diverge: where
    u_t would carry y past 1, it is drawn from the part of [0, 1/2] that does not, which is never empty
    and concerns about 2 steps in 100 000. The chance level has no closed form and is measured on a few
    thousand sequences; the error is the normalised root mean square error (NRMSE), pooled over sequences.

    Reference: Atiya, Parlos 2000, New results on recurrent network training: unifying the algorithms and
    accelerating convergence.
    """

    shortest: int = 0

    form = "many to many"
    sizes = (1, 1)
    least = ORDER + 1
    solved = 0.2

    def __post_init__(self) -> None:
        _common.check_shortest(self)

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_row = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        zeros = jnp.zeros(ORDER, float)
        _, (u, y) = jax.lax.scan(_step, (zeros, zeros), jax.random.uniform(key_row, (T,), float))
        present = _common.within(length, T)
        counted = present & (jnp.arange(T) >= ORDER - 1)
        target = jnp.where(counted, y, 0.0)[:, None]
        return Example(jnp.where(present, u, 0.0)[:, None], target, counted.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> _common.Misses:
        return _common.misses(outputs, example.target, example.counted)

    def overall(self, errors: _common.Misses) -> Scalar:
        return _common.normalised(errors)

    def chance(self, T: int) -> float:
        return _simulated.variance(self, T)


def _step(past: tuple[Array, Array], drawn: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """One step; `past` holds the ten last inputs and values, newest first, `drawn` is from U(0, 1)."""
    us, ys = past
    calm = 0.3 * ys[0] + 0.05 * ys[0] * ys.sum() + 0.1
    gain = 1.5 * us[ORDER - 2]
    u = drawn * jnp.where(calm + gain / 2 > 1, (1 - calm) / jnp.where(gain > 0, gain, 1.0), 0.5)
    y = calm + gain * u
    return (jnp.append(u, us[:-1]), jnp.append(y, ys[:-1])), (u, y)

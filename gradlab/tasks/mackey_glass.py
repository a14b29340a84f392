"""Prediction of the Mackey-Glass series."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.tasks import _common, _simulated
from gradlab.types import Example, Key, Scalar, Task

FINE = 10
"""Euler steps in one unit of time, which is one step of the sequence."""
SETTLING = 300
"""Units of time before the sequence begins."""


@dataclasses.dataclass(frozen=True)
class MackeyGlass(Task):
    """Predict a chaotic series, `ahead` steps ahead.

    dz/dt = 0.2 z(t - tau) / (1 + z(t - tau)^10) - 0.1 z;  x_t = tanh(z(t) - 1),  y_t = x_{t + ahead}

    Euler's method with steps of 0.1, from a random constant past, after 300 units of time. `tau=17` is
    mildly chaotic, `tau=30` more so. Steps count from the first on. The chance level has no closed form and
    is measured on a few thousand sequences; the error is the normalised root mean square error (NRMSE),
    pooled over sequences.

    Reference: Mackey, Glass 1977, Oscillation and chaos in physiological control systems; Jaeger, Haas
    2004, Harnessing nonlinearity.
    """

    tau: int = 17
    ahead: int = 6
    shortest: int = 0

    form = "many to many"
    sizes = (1, 1)
    least = 2
    solved = 0.1

    def __post_init__(self) -> None:
        for name in ("tau", "ahead"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        _common.check_shortest(self)

    def sample(self, key: Key, T: int) -> Example:
        key_length, key_past = jax.random.split(key)
        length = _common.draw_length(key_length, _common.lengths(self, T))
        past = jax.random.uniform(key_past, (), float, 0.5, 1.5)
        series = jnp.tanh(_series(past, self.tau, SETTLING + T + self.ahead)[SETTLING:] - 1)
        present = _common.within(length, T)
        xs, target = (jnp.where(present, part, 0.0)[:, None] for part in (series[:T], series[self.ahead :]))
        return Example(xs, target, present.astype(float), length)

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        return _common.squared_error(outputs, example.target, example.counted)

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> _common.Misses:
        return _common.misses(outputs, example.target, example.counted)

    def overall(self, errors: _common.Misses) -> Scalar:
        return _common.normalised(errors)

    def chance(self, T: int) -> float:
        return _simulated.variance(self, T)


def _series(past: Float[Array, ""], tau: int, count: int) -> Float[Array, " {count}"]:
    """The values z(0), z(1) .. of `count` units of time, where z(t) = `past` for all t <= 0."""

    def unit(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        """From z now and the last tau units of it, oldest first, one unit on."""
        units, z = carry
        rises = 0.2 * units[0] / (1 + units[0] ** 10)
        fine = [z]
        for rise in rises:
            fine.append(fine[-1] + (rise - 0.1 * fine[-1]) / FINE)
        return (jnp.concatenate([units[1:], jnp.stack(fine[:-1])[None]]), fine[-1]), z

    start = jnp.broadcast_to(past, (tau, FINE)), past
    series: Array = jax.lax.scan(unit, start, length=count)[1]
    return series

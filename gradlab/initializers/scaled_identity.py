"""Identity matrix times a number, with noise beside it."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "norm"


@dataclasses.dataclass(frozen=True)
class ScaledIdentity:
    """Identity times `scale`, which takes the place of unit gain; `w_rec` multiplies it.

    W = scale I + noise A / sqrt(n),  A_ij ~ N(0, 1)

    0.01 suits rectified units in tasks of short memory. `noise` is, for large n, the radius of the disk
    around `scale` that the eigenvalues fill.

    Reference: Le, Jaitly, Hinton 2015, A simple way to initialize recurrent networks of rectified linear
    units.
    """

    scale: float = 0.01
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise ValueError(f"scale={self.scale} must be finite")
        if not (self.noise >= 0 and math.isfinite(self.noise)):
            raise ValueError(f"noise={self.noise} must be 0 or positive, and finite")

    @property
    def gain(self) -> float:
        """What takes the place of unit gain: the norm of the matrix for large n."""
        return math.hypot(self.scale, self.noise)

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        w = self.scale * jnp.eye(n, dtype=float)
        if not self.noise:
            return w
        return w + self.noise / math.sqrt(n) * jax.random.normal(key, (n, n), float)

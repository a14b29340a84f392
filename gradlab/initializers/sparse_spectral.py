"""Sparse random matrix of given spectral radius."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key

UNIT = "radius"


@dataclasses.dataclass(frozen=True)
class SparseSpectral:
    """Each unit listens to `nonzeros` units; the whole is rescaled to spectral radius `radius`.

    A_ij ~ N(0, 1) for j in a random set of min(nonzeros, n) units, else 0;    W = radius A / max |lambda(A)|

    The defaults are the "smart tanh" initialisation of Pascanu et al.; [[radius]] for n = 1. As every unit
    listens to another or itself, there is a loop and the radius of A is not 0. The eigenvalues are computed
    on the CPU only.

    Reference: Jaeger 2001, The echo state approach to analysing and training recurrent neural networks;
    Sutskever, Martens, Dahl, Hinton 2013, On the importance of initialization and momentum in deep learning;
    Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """

    nonzeros: int = 15
    radius: float = 0.95

    def __post_init__(self) -> None:
        if self.nonzeros < 1:
            raise ValueError(f"nonzeros={self.nonzeros} must be at least 1")
        if not (self.radius > 0 and math.isfinite(self.radius)):
            raise ValueError(f"radius={self.radius} must be positive and finite")

    @property
    def gain(self) -> float:
        """What takes the place of unit gain."""
        return self.radius

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        if n == 1:
            return jnp.full((1, 1), self.radius, float)
        key_where, key_weights = jax.random.split(key)
        # Places in the order of independent uniforms: the first of a row are a random set of columns.
        order = jnp.argsort(jax.random.uniform(key_where, (n, n), float), axis=1)
        place = jnp.argsort(order, axis=1)
        a = jnp.where(place < self.nonzeros, jax.random.normal(key_weights, (n, n), float), 0)
        return self.radius * a / jnp.abs(jnp.linalg.eigvals(a)).max()

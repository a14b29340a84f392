"""Rows of numbers of which two are marked."""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from gradlab.tasks import _common
from gradlab.types import Key, Scalar


def draw(
    key: Key, possible: range, T: int
) -> tuple[Float[Array, "{T} 2"], Float[Array, ""], Float[Array, ""], Int[Array, ""]]:
    """Inputs (number, mark), the two marked numbers and the length; one mark in each half."""
    key_length, key_number, key_first, key_second = jax.random.split(key, 4)
    length = _common.draw_length(key_length, possible)
    numbers = jax.random.uniform(key_number, (T,), float)
    first = jax.random.randint(key_first, (), 0, length // 2)
    second = jax.random.randint(key_second, (), length // 2, length)
    marks = jnp.zeros(T, float).at[jnp.stack([first, second])].set(1.0)
    xs = jnp.where(_common.within(length, T)[:, None], jnp.stack([numbers, marks], axis=1), 0.0)
    return xs, numbers[first], numbers[second], length


def check_tolerance(tolerance: Scalar) -> None:
    """Raise ValueError where an answer could never be right."""
    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise ValueError(f"tolerance={tolerance} must be positive and finite")

"""Gate biases drawn for a range of time scales."""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import Key


def chrono(key: Key, n: int, longest: float) -> Float[Array, " {n}"]:
    """Biases of a gate that keeps: with nothing else given, unit k forgets at the rate 1 / (1 + u_k).

    b = log(u),  u ~ Uniform(1, longest - 1),  so that  σ(b) = u / (1 + u)

    Its time scales 1 + u fill the range from 2 to `longest` steps. A gate that writes takes -b.

    Reference: Tallec, Ollivier 2018, Can recurrent neural networks warp time?
    """
    return jnp.log(jax.random.uniform(key, (n,), float, 1.0, longest - 1.0))


def check_chrono(longest: float) -> None:
    """Refuse a setting `chrono` that is neither off nor a time scale.

    Raises:
        ValueError: unless `longest` is 0 (off), or finite and at least 2 steps.
    """
    if longest and not (longest >= 2 and math.isfinite(longest)):
        raise ValueError(f"chrono={longest} must be 0 (off), or finite and at least 2")

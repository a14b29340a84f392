"""Numbers as `value * 2**exponent`: their sums and norms, which neither underflow nor overflow.

Values stay near 1, the exponent is one integer for a whole tree. No logarithm is taken before a pass is over
(`log10_norm`).
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from numpy.typing import NDArray

from gradlab.recurrence import powers
from gradlab.types import Scaled

Tree = Any

ZERO_EXPONENT = -(2**30)
"""The exponent of an exact zero: below every reachable one, and safe to add to."""
NOT_CERTIFIED = -1.0
"""In the place of a square: the norm is not known to the promised error."""


class Norm(NamedTuple):
    """A norm as it leaves the device: `sqrt(square) * 2**exponent`."""

    square: Float[Array, "*axes"]
    exponent: Int[Array, "*axes"]


def rescale(value: Tree, exponent: Int[Array, ""] | int = 0) -> Scaled:
    """`value * 2**exponent`, its largest entry brought to [1/2, 1) by an exact power of two.

    With an entry that is not finite, it stays as it is: the others are worth as much as before.
    """
    peak = jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(value)]).max()
    alive = (peak > 0) & jnp.isfinite(peak)
    shift = jnp.where(alive, powers.exponent(peak), 0)
    # In two factors: 2**-shift itself would be subnormal, and so flushed to 0, for the largest peaks.
    half = shift // 2
    first, second = powers.two_to(-half, peak.dtype), powers.two_to(half - shift, peak.dtype)
    moved = jnp.where(peak == 0, ZERO_EXPONENT, exponent + shift)
    return Scaled(jax.tree.map(lambda leaf: leaf * first * second, value), moved.astype(jnp.int32))


def largest(values: Array) -> Array:
    """The largest entry; NaN if one is NaN, which XLA leaves out of a large array's on a CPU.

    Reference: issue 21461 of openxla/xla, CPU PJRT: reduce max of NaNs.
    """
    return jnp.where(jnp.isnan(values).any(), jnp.nan, values.max())


def add(a: Scaled, b: Scaled) -> Scaled:
    """The sum of two scaled trees, aligned at the larger exponent."""
    top = jnp.maximum(a.exponent, b.exponent)

    def aligned(part: Scaled) -> Tree:
        # What is further below than the smallest normal number adds nothing to numbers near 1.
        drop = jnp.maximum(part.exponent - top, -2000)
        return jax.tree.map(lambda leaf: leaf * powers.two_to(drop, leaf.dtype), part.value)

    return rescale(jax.tree.map(jnp.add, aligned(a), aligned(b)), top)


def at_one_exponent(value: Float[Array, "*axes S"], exponent: Int[Array, " S"]) -> Scaled:
    """`value * 2**exponent`, an exponent for each place of the last axis, beside one: the largest near 1."""
    exponent = jnp.broadcast_to(exponent, value.shape)
    top = jnp.where(value == 0, ZERO_EXPONENT, powers.exponent(value) + exponent).max()
    top = nothing_of_zeros(top)
    return Scaled(powers.scaled(value, exponent - top), top)


def nothing_of_zeros(exponent: Int[Array, "*axes"]) -> Int[Array, "*axes"]:
    """Exponents that may be added up: 0 in the place of that of a zero."""
    return jnp.where(exponent < ZERO_EXPONENT // 2, 0, exponent).astype(jnp.int32)


def norms(scaled: Scaled) -> Norm:
    """The norm of the whole tree, then of each leaf when there are several; shape (parts,)."""
    parts = jax.tree.leaves(scaled.value)
    if len(parts) == 1:
        return Norm(jnp.sum(parts[0] * parts[0])[None], scaled.exponent[None])
    # A part far below the largest would underflow when squared: each gets an exponent of its own.
    alone = [rescale(leaf, scaled.exponent) for leaf in parts]
    squares = [jnp.sum(part.value * part.value) for part in alone]
    # What is below the smallest normal number adds nothing to the whole, which is near 1.
    drops = [jnp.maximum(part.exponent - scaled.exponent, -1000) for part in alone]
    shares = [
        square * powers.two_to(2 * drop, square.dtype) for square, drop in zip(squares, drops, strict=True)
    ]
    exponents = jnp.stack([scaled.exponent, *(part.exponent for part in alone)])
    return Norm(jnp.stack([jnp.stack(shares).sum(), *squares]), exponents)


def log10_norm(norm: Norm) -> NDArray[np.float64]:
    """log10 of a norm, float64, on the host; -inf where it is 0, NaN where it is not finite or not known."""
    square = np.asarray(norm.square, np.float64)
    exponent = np.asarray(norm.exponent, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = 0.5 * np.log10(square) + exponent * math.log10(2)
    return np.where(square == 0, -np.inf, np.where(np.isfinite(square) & (square > 0), log, np.nan))

"""All singular values of each step's Jacobian and of their products back from the last step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from gradlab.recurrence.forward import with_jacobian
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, rescale
from gradlab.recurrence.scan import reverse_scan
from gradlab.types import ProbeContext, Step

AXES = {"step_singular_values": ("step", "index"), "product_singular_values": ("lag", "index")}
FACTS = {
    "step_singular_values": {
        "meaning": "Singular value of the Jacobian of one step, the greatest first",
        "heading": "step",
    },
    "product_singular_values": {
        "meaning": "Singular value of the transport, the greatest first",
        "unit": "log10",
        "heading": "product",
    },
}
NORMS = ("step_singular_values",)
"""Columns of norms, not of their logarithms: a 0 in them is a derivative of 0."""
SWEEPS = 40
"""Rounds of rotations at most; seven or so are needed."""


class Columns(NamedTuple):
    """Descending along `index`."""

    step_singular_values: Float[Array, "step index"]
    product_singular_values: Norm
    hidden: dict[str, Bool[Array, "..."]]
    """Where rounding hides a value: of the product it is NaN there; see `jacobian_spectrum`."""


class Vectors(NamedTuple):
    """Vectors `rows[i] * 2**exponents[i]`."""

    rows: Float[Array, "n S"]
    exponents: Int[Array, " n"]


def jacobian_spectrum(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """Singular values of D_t = dstate_t/dstate_{t-1}, and of dstate_T/dstate_t = D_T ... D_{t+1} by lag.

    The product is never formed. Its left singular vectors, each with an exponent of its own, are sent back a
    step and made orthogonal again by one-sided Jacobi rotations, which keep the small ones as precise as the
    large ones: the spread between them may be any number of decades. What limits them is a single step: where
    some D_t has only r singular values above S eps times its largest, its others, if they are not 0, and
    those of the product from number r on are not told from rounding: they are `hidden`, and NaN in the
    product. A product of 0 has zeros, as has a step whose Jacobian is 0: by definition, or below precision.

    Reference: Demmel, Veselić 1992, Jacobi's method is more accurate than QR; Pennington, Schoenholz, Ganguli
    2017, Resurrecting the sigmoid in deep learning through dynamical isometry.
    """
    flat, _ = ravel_pytree(state)
    size, dtype = flat.size, flat.dtype
    advance = with_jacobian(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))
    length = jnp.asarray(setup.length, jnp.int32)
    tolerance = size * float(np.finfo(dtype).eps)

    def back(carry: tuple[Vectors, Any], jacobian: Any) -> tuple[tuple[Vectors, Any], Any]:
        vectors, known = carry
        values = jnp.linalg.svd(jacobian, compute_uv=False)
        rank = jnp.where(values[0] == 0, size, (values > tolerance * values[0]).sum()).astype(jnp.int32)
        sent = _scaled(Vectors(vectors.rows @ jacobian, vectors.exponents))
        return (orthogonal(sent), jnp.minimum(known, rank)), values

    def observe(carry: tuple[Vectors, Any], lag: Any) -> tuple[tuple[Vectors, Any], tuple[Norm, Any]]:
        found = _sorted_norms(carry[0])
        # A product that is not finite hides nothing.
        hidden = (jnp.arange(size, dtype=jnp.int32) >= carry[1]) & ~jnp.isnan(found.square)
        return carry, (Norm(jnp.where(hidden, jnp.nan, found.square), found.exponent), hidden)

    start = lambda _: (Vectors(jnp.eye(size, dtype=dtype) / 2, jnp.ones(size, jnp.int32)), jnp.int32(size))
    forward = lambda state, x, t: advance(state, x)
    (products, hidden), by_lag, _ = reverse_scan(forward, start, back, observe, state, xs, length)

    lags, steps = (jnp.arange(len(a), dtype=jnp.int32) for a in (products.square, by_lag))
    beyond = (lags > length)[:, None]
    by_step = jnp.where((steps < length)[:, None], by_lag[jnp.maximum(length - 1 - steps, 0)], jnp.nan)
    small = (by_step > 0) & (by_step <= tolerance * by_step[:, :1])
    return Columns(
        by_step,
        Norm(jnp.where(beyond, jnp.nan, products.square), products.exponent),
        {"step_singular_values": small, "product_singular_values": hidden},
    )


def _scaled(vectors: Vectors) -> Vectors:
    return Vectors(*jax.vmap(rescale)(*vectors))


def _sorted_norms(vectors: Vectors) -> Norm:
    """The lengths of the vectors, descending."""
    square = (vectors.rows * vectors.rows).sum(axis=1)
    size, shift = jnp.frexp(jnp.sqrt(square))
    order = jnp.lexsort((size, vectors.exponents + shift))[::-1]
    return Norm(square[order], vectors.exponents[order])


def orthogonal(vectors: Vectors) -> Vectors:
    """The vectors rotated among each other until all are orthogonal: one-sided Jacobi.

    Their lengths are then the singular values of the matrix that had the given vectors as its rows. Pairs
    are taken half of all at a time: the first vector keeps its seat, the others move on by one.
    """
    count, dtype = len(vectors.rows), vectors.rows.dtype
    half = (count + 1) // 2
    # A vector of zeros makes the number even; it stays one, and is the least at the end.
    rows = jnp.pad(vectors.rows, ((0, 2 * half - count), (0, 0)))
    exponents = jnp.pad(vectors.exponents, (0, 2 * half - count), constant_values=ZERO_EXPONENT)
    tolerance = 4 * count * float(np.finfo(dtype).eps)

    def turn(_: Any, loop: tuple[Vectors, Vectors, Any]) -> tuple[Vectors, Vectors, Any]:
        tops, bottoms, cosine = _rotated(loop[0], loop[1])
        worst = jnp.maximum(loop[2], cosine)
        if half == 1:
            return tops, bottoms, worst
        up = jax.tree.map(lambda a, b: jnp.concatenate([a[:1], b[:1], a[1:-1]]), tops, bottoms)
        down = jax.tree.map(lambda a, b: jnp.concatenate([b[1:], a[-1:]]), tops, bottoms)
        return up, down, worst

    def sweep(loop: tuple[Vectors, Any, Any]) -> tuple[Vectors, Any, Any]:
        # Within a sweep a vector shrinks by at most what one step's Jacobian can do: no new exponents.
        rows, exponents = _scaled(loop[0])
        seats = Vectors(rows[:half], exponents[:half]), Vectors(rows[half:], exponents[half:])
        tops, bottoms, worst = jax.lax.fori_loop(0, 2 * half - 1, turn, (*seats, jnp.zeros((), dtype)))
        together = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), tops, bottoms)
        return together, worst, loop[2] + 1

    unfinished = lambda loop: (loop[1] > tolerance) & (loop[2] < SWEEPS)
    first = Vectors(rows, exponents), jnp.full((), jnp.inf, dtype), jnp.int32(0)
    found = _scaled(jax.lax.while_loop(unfinished, sweep, first)[0])
    order = jnp.argsort(found.exponents)[2 * half - count :]
    return Vectors(found.rows[order], found.exponents[order])


def _rotated(first: Vectors, second: Vectors) -> tuple[Vectors, Vectors, Float[Array, ""]]:
    """Pairs of vectors rotated in their planes until orthogonal, and the largest cosine before that.

    x = a 2^j and y = b r 2^j with r <= 1 become (x + t y) c and (y - t x) c, c = 1/sqrt(1 + t^2). Only t r
    and t/r occur when a and b are updated, so r may underflow.
    """
    swap = second.exponents > first.exponents
    apart = jnp.minimum(jnp.abs(first.exponents - second.exponents), 2000)
    r = jnp.ldexp(jnp.ones(len(apart), first.rows.dtype), -apart)
    pairs = (first, first), (second, second), (first, second)
    xx, yy, xy = ((u.rows * v.rows).sum(axis=1) for u, v in pairs)
    gap = jnp.where(swap, yy - r * r * xx, xx - r * r * yy)
    root = jnp.abs(gap) + jnp.sqrt(gap * gap + 4 * r * r * xy * xy)
    slope = jnp.where(root > 0, jnp.where(gap < 0, -2 * xy, 2 * xy) / root, 0)
    c = 1 / jnp.sqrt(1 + (r * slope) ** 2)
    to_large, to_small = r * r * slope, -slope
    to_first, to_second = jnp.where(swap, to_small, to_large), jnp.where(swap, to_large, to_small)
    x = c[:, None] * (first.rows + to_first[:, None] * second.rows)
    y = c[:, None] * (second.rows + to_second[:, None] * first.rows)
    size = jnp.sqrt(xx * yy)
    cosine = jnp.where(size > 0, jnp.abs(xy) / size, 0)
    return Vectors(x, first.exponents), Vectors(y, second.exponents), cosine.max()

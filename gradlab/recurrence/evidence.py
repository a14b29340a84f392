"""What of the weight gradient of many sequences depends on their targets, by lag, and how surely it is there.

Sequences go in pairs: exchanging the targets of two that are independent changes the sign of what depends on
them, so that a pair gives one gradient without the rest, and its signs a test that is exact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab import resampling
from gradlab.recurrence import outer, powers
from gradlab.recurrence.indexing import at
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, add, rescale
from gradlab.recurrence.scan import SEGMENT, reverse_scan, scan
from gradlab.types import Scaled, Step

Tree = Any
KEPT_BYTES = 2**27
"""What of the way forward is kept at a time, about."""
MOST_PRODUCTS = 4096
"""Sequences of which all products with all are held at once."""


class Evidence(NamedTuple):
    """Of each lag 0..T-1, in the order of the way back."""

    share: Float[Array, " lag"]
    """|E d|^2 over E |d|^2, the first without bias, d of a pair: 1 without noise, near 0 without E d."""
    error: Float[Array, " lag"]
    """The standard error of its square root, by the jackknife."""
    chance: Float[Array, " lag"]
    """How often exchanged targets give as much."""
    gradient: Norm
    """|E d|; the estimate of its square, without bias, may be negative."""


def with_terms(one: Any, read: Callable[[Tree], Array]) -> tuple[Callable[..., Tree], Callable[..., Any]]:
    """What a cotangent of an output sends into its state, and the way forward of sequences that keeps it.

    `one` is the step with its pullback; the way takes each input with the cotangent of the step before.
    """

    def local(state: Tree, cotangent: Any) -> Tree:
        return jax.vjp(read, state)[1](cotangent)[0]

    def forward(states: Tree, given: Any, t: Any) -> tuple[Tree, Any]:
        x, before = given
        # What the loss sends into the state that this step starts from; the initial one has no term.
        term = jax.vmap(local)(states, jnp.where(t > 1, before, 0))
        after, kept = jax.vmap(one.forward)(states, x)
        return after, (kept, term)

    return local, forward


def evidence(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    targets: Tree,
    length: Any,
    *,
    loss: Callable[[Any, Tree], Any],
    read: Callable[[Tree], Array],
    recurrent: Callable[[Tree], Tree],
    signs: Float[Array, "flips pair"],
) -> Evidence:
    """The evidence that sequences (B, T, ...) give, of the gradient of what `recurrent` picks, lag by lag.

    d_p(lag) = 1/2 [g_a(y_a) - g_a(y_b) + g_b(y_b) - g_b(y_a)],   a = 2p, b = 2p + 1

    g_a(y) is the part of dL/dW from the use of W at step T - lag of sequence a, whose outputs `read` gives,
    with L = loss(outputs (T, O), y). E d = E g(y of its own) - E g(y of another): what of the gradient
    depends on the target. Nothing else is left of it, the output's offset above all. Exchanging y_a and y_b
    makes it -d_p; each row of `signs` is such an exchange.
    """
    count = len(jax.tree.leaves(xs)[0])
    ys = jax.tree.map(_by_time, xs)
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), state)
    cotangents = _by_time(_cotangents(step, params, start, ys, targets, length, loss, read))
    one = pullback(step, params, state, at(jax.tree.map(lambda leaf: leaf[0], xs), 0), weights=True)

    local, forward = with_terms(one, read)

    def begin(final: Tree) -> Scaled:
        last = at(cotangents, jnp.asarray(length, jnp.int32) - 1)
        return jax.vmap(rescale)(jax.vmap(local)(final, last))

    def back(sent: Scaled, item: Any) -> tuple[Scaled, Evidence]:
        kept, term = item
        pieces = jax.vmap(lambda kept, value: outer.pieces(lambda: recurrent(one.pull(kept, value)[0])))(
            kept, sent.value
        )
        found = _of_pairs(pieces, sent.exponent, signs)
        of_state = jax.vmap(lambda kept, value: one.pull(kept, value)[1])(kept, sent.value)
        pulled = jax.vmap(rescale)(of_state, sent.exponent)
        return jax.vmap(add)(pulled, jax.vmap(rescale)(term)), found

    kept = jax.eval_shape(forward, start, (at(ys, 0), at(cotangents, 0)), 1)[1]
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))
    segment = max(1, min(SEGMENT, KEPT_BYTES // size))
    before = jnp.concatenate([jnp.zeros_like(cotangents[:1]), cotangents[:-1]])
    nothing = lambda carry, lag: (carry, None)
    _, passed, _ = reverse_scan(forward, begin, back, nothing, start, (ys, before), length, segment)
    found: Evidence = passed
    return found


def _cotangents(
    step: Step,
    params: Tree,
    start: Tree,
    ys: Tree,
    targets: Tree,
    length: Any,
    loss: Callable[[Any, Tree], Any],
    read: Callable[[Tree], Array],
) -> Float[Array, "B T O"]:
    """What the loss of a sequence's own target sends into its outputs, less that of the other's, halved."""

    def body(states: Tree, x: Tree, t: Any) -> tuple[Tree, Array]:
        del t
        after = jax.vmap(lambda state, x: step(params, state, x))(states, x)
        return after, jax.vmap(read)(after)

    _, outputs = scan(body, start, ys, length)
    within = jnp.arange(len(outputs), dtype=jnp.int32) < jnp.asarray(length, jnp.int32)
    outputs = jnp.moveaxis(jnp.where(within[:, None, None], outputs, 0), 1, 0)
    others = jax.tree.map(_exchanged, targets)
    slope = jax.vmap(jax.grad(loss))
    sent = (slope(outputs, targets) - slope(outputs, others)) / 2
    return jnp.where(within[None, :, None], sent, 0)


def _by_time(leaf: Any) -> Array:
    return jnp.moveaxis(leaf, 1, 0)


def _exchanged(leaf: Any) -> Any:
    """The two of each pair in each other's place."""
    return jnp.flip(leaf.reshape(-1, 2, *leaf.shape[1:]), 1).reshape(leaf.shape)


def aligned(pieces: list[Any], exponent: Any) -> tuple[list[Any], Any]:
    """Pieces of each sequence's gradient, (B, ...), times 2**exponent: flat, at one exponent for all.

    Returns the factors of each piece, (B, ...) each, and that exponent.
    """
    scaled = [[jax.vmap(rescale)(factor) for factor in piece] for piece in pieces]
    dead = ZERO_EXPONENT // 2
    power = [
        jnp.where(
            jnp.stack([part.exponent < dead for part in piece]).any(axis=0) | (exponent < dead),
            ZERO_EXPONENT,
            exponent + sum(part.exponent for part in piece),
        )
        for piece in scaled
    ]
    top = jnp.stack([some.max() for some in power]).max()
    factors = []
    for piece, some in zip(scaled, power, strict=True):
        flat = [part.value.reshape(len(exponent), -1) for part in piece]
        shares = powers.two_to(jnp.maximum(some - top, -2000), flat[0].dtype)
        factors.append((flat[0] * shares[:, None], *flat[1:]))
    return factors, top


def _of_pairs(pieces: list[Any], exponent: Any, signs: Array) -> Evidence:
    """The evidence of one lag, from the pieces of each sequence's gradient, (B, ...), times 2**exponent."""
    factors, top = aligned(pieces, exponent)
    pairs = len(exponent) // 2
    own, inner, flipped = (_by_products if _pays(factors, signs) else _by_sums)(factors, signs)
    whole, squares = inner.sum(), own.sum()
    share = _share(whole, squares, pairs)
    error = _error(share, whole, squares, inner, own)
    chance = resampling.chance(whole, flipped)
    square = (whole - squares) / (pairs * (pairs - 1))
    return Evidence(share, error, chance, Norm(square, top.astype(jnp.int32)))


def _share(whole: Any, squares: Any, pairs: Any) -> Any:
    """(|sum d|^2 - sum |d|^2) / (n (n-1)) over sum |d|^2 / n."""
    return (whole - squares) / ((pairs - 1) * squares)


def _error(share: Any, whole: Any, squares: Any, inner: Array, own: Array) -> Any:
    """The jackknife's standard error of sqrt(share), over pairs."""
    pairs = len(own)
    left = _share(whole - 2 * inner + own, squares - own, pairs - 1)
    return resampling.jackknife(left) / (2 * jnp.sqrt(share))


def _pays(factors: list[Any], signs: Array) -> bool:
    """Whether products of all sequences with all cost less than a sum for each row of signs."""
    count = len(factors[0][0])
    if count > MOST_PRODUCTS:
        return False
    each = sum(sum(part.shape[1] for part in piece) for piece in factors) * count**2
    sums = sum(piece[0].shape[1] * piece[-1].shape[1] ** (len(piece) - 1) for piece in factors) * count
    return bool(each + signs.size * count // 2 < len(signs) * sums)


def _by_products(factors: list[Any], signs: Array) -> tuple[Array, Array, Array]:
    """|d_p|^2, d_p . sum d and |sum sign d|^2 for each row of signs, from all inner products d_p . d_q."""
    count = len(factors[0][0])
    gram = jnp.zeros((count, count), factors[0][0].dtype)
    for piece in factors:
        product = piece[0] @ piece[0].T
        for part in piece[1:]:
            product = product * (part @ part.T)
        gram = gram + product
    gram = gram.reshape(count // 2, 2, count // 2, 2).sum(axis=(1, 3))
    return jnp.diagonal(gram), gram.sum(axis=1), ((signs @ gram) * signs).sum(axis=1)


def _by_sums(factors: list[Any], signs: Array) -> tuple[Array, Array, Array]:
    """The same from the sums, which are no larger than the weights."""

    def summed(weight: Array) -> list[Array]:
        """Of all sequences, each with its weight, piece by piece."""
        return [
            weight @ piece[0] if len(piece) == 1 else (piece[0] * weight[:, None]).T @ piece[1]
            for piece in factors
        ]

    def with_each(total: list[Array]) -> Array:
        """The inner product of each sequence's gradient with a gradient."""
        found = [
            piece[0] @ one if len(piece) == 1 else ((piece[0] @ one) * piece[1]).sum(axis=1)
            for piece, one in zip(factors, total, strict=True)
        ]
        return jnp.stack(found).sum(axis=0)

    def together(a: int, b: int) -> Array:
        """The inner products of two sequences of each pair."""
        found = []
        for piece in factors:
            products = [(part[a::2] * part[b::2]).sum(axis=1) for part in piece]
            found.append(products[0] if len(products) == 1 else products[0] * products[1])
        return jnp.stack(found).sum(axis=0)

    def square(sign: Array) -> Array:
        some = summed(jnp.repeat(sign, 2))
        return jnp.stack([(one * one).sum() for one in some]).sum()

    own = together(0, 0) + together(1, 1) + 2 * together(0, 1)
    inner = with_each(summed(jnp.ones_like(factors[0][0][:, 0]))).reshape(-1, 2).sum(axis=1)
    return own, inner, jax.lax.map(square, signs)

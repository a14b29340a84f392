"""From which lags the weight gradient of a batch comes: the share of each, which add up to 1."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import outer, powers
from gradlab.recurrence.evidence import KEPT_BYTES, aligned, with_terms
from gradlab.recurrence.indexing import at
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import ZERO_EXPONENT, add, rescale
from gradlab.recurrence.scan import SEGMENT, reverse_scan
from gradlab.types import Scaled, Step

Tree = Any


def shares(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    cotangents: Float[Array, "B T O"],
    *,
    read: Callable[[Tree], Array],
    recurrent: Callable[[Tree], Tree],
    adjoint: Callable[[Any, Scaled], Scaled] | None = None,
) -> Float[Array, " lag"]:
    """The share of each lag 0..T-1 in the gradient of what `recurrent` picks, of sequences (B, T, ...).

    share(lag) = <g_lag, g> / |g|^2,   g = sum over lags of g_lag

    g_lag is the part of the batch's gradient from the use of the weights at step T - lag. The shares add up
    to 1; one is negative where its lag pulls against all of them together. NaN where g is exactly zero, or
    not finite. `cotangents` are what each sequence's loss sends into its outputs, which `read` gives of a
    state; `adjoint` is a remedy's backward pass.
    """
    count, T = cotangents.shape[:2]
    ys, sent_in = (jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), tree) for tree in (xs, cotangents))
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), state)
    one = pullback(step, params, state, at(jax.tree.map(lambda leaf: leaf[0], xs), 0), weights=True)

    local, forward = with_terms(one, read)

    def gradient(kept: Any, sent: Scaled) -> tuple[list[Any], Any]:
        def cut(kept: Any, value: Tree) -> list[Any]:
            return outer.pieces(lambda: recurrent(one.pull(kept, value)[0]))

        factors, exponent = aligned(jax.vmap(cut)(kept, sent.value), sent.exponent)
        return [_whole(piece) for piece in factors], exponent

    def back(whole: Scaled, carry: tuple[Scaled, Scaled, Any], item: Any) -> tuple[Any, Array]:
        (sent, total, lag), (kept, term) = carry, item
        part = rescale(*gradient(kept, sent))
        of_state = jax.vmap(lambda kept, value: one.pull(kept, value)[1])(kept, sent.value)
        pulled = jax.vmap(rescale)(of_state, sent.exponent)
        if adjoint is not None:
            pulled = jax.vmap(lambda one: adjoint(lag + 1, one))(pulled)
        sent = jax.vmap(add)(pulled, jax.vmap(rescale)(term))
        # The step back that leads nowhere is no lag.
        inside = jnp.where(lag < T, part.exponent, ZERO_EXPONENT)
        return (sent, add(total, part._replace(exponent=inside)), lag + 1), _inner(part, whole)

    shapes = jax.eval_shape(forward, start, (at(ys, 0), at(sent_in, 0)), 1)[1]
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))
    before = jnp.concatenate([jnp.zeros_like(sent_in[:1]), sent_in[:-1]])

    def way(_: Any, found: tuple[Scaled, Array]) -> tuple[Scaled, Array]:
        """There and back: first for the sum, then for what of it each lag is."""

        def begin(final: Tree) -> tuple[Scaled, Scaled, Any]:
            sent = jax.vmap(rescale)(jax.vmap(local)(final, sent_in[-1]))
            return sent, nothing, jnp.int32(0)

        _, passed, (_, total, _) = reverse_scan(
            forward,
            begin,
            lambda carry, item: back(found[0], carry, item),
            lambda carry, lag: (carry, None),
            start,
            (ys, before),
            T,
            max(1, min(SEGMENT, KEPT_BYTES // size)),
        )
        return total, passed[:T]

    forms = jax.eval_shape(lambda kept, sent: gradient(kept, sent)[0], shapes[0], _like(start))
    nothing = Scaled([jnp.zeros(form.shape, form.dtype) for form in forms], jnp.int32(ZERO_EXPONENT))
    found: Array = jax.lax.fori_loop(0, 2, way, (nothing, jnp.zeros(T, cotangents.dtype)))[1]
    return found


def _like(start: Tree) -> Scaled:
    """What is sent back, of the form of the states."""
    count = len(jax.tree.leaves(start)[0])
    return Scaled(start, jnp.zeros(count, jnp.int32))


def _whole(piece: tuple[Array, ...]) -> Array:
    """A piece of all sequences' gradients together."""
    return piece[0].sum(0) if len(piece) == 1 else piece[0].T @ piece[1]


def _inner(part: Scaled, whole: Scaled) -> Array:
    """<part, whole> / |whole|^2."""
    pairs = list(zip(part.value, whole.value, strict=True))
    inner = jnp.stack([jnp.vdot(one, other) for one, other in pairs]).sum()
    square = jnp.stack([jnp.vdot(other, other) for _, other in pairs]).sum()
    drop = jnp.maximum(part.exponent - whole.exponent, -2000)
    return inner * powers.two_to(drop, inner.dtype) / square

"""The loops over time whose length may be traced: forward, and forward and back.

Loops over time are of five kinds, since no one of them can do what the others do: `reverse_scan` goes back
by itself and keeps one segment of the way at a time; `reverse_blocks` does so too, and leaves what no step
waits for to many steps at once, whose carries it keeps; `scan` has no reverse mode; `jax.lax.scan`, where
penalties, `gradlab verify` and the lesson call it, has a fixed length and keeps every step, so that JAX can
differentiate through it; that of `batch.py` is made for one gradient of a batch, the work of training.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence.indexing import at, put, put_some, some
from gradlab.recurrence.trees import constant, mapped_zero

Tree = Any
Carry = TypeVar("Carry")

SEGMENT = 256
"""Steps whose residuals are kept at a time; a longer sequence is run again, segment by segment."""


BLOCK = 25
"""Steps of the way back that are finished side by side; round numbers of steps leave no rest."""


def scan(
    body: Callable[[Carry, Tree, Any], tuple[Carry, Tree]],
    carry: Carry,
    xs: Tree,
    length: Int[Array, ""] | int,
) -> tuple[Carry, Tree]:
    """`carry, seen[t-1] = body(carry, xs[t-1], t)` for t = 1..length, which may be traced.

    `seen` has as many entries as `xs`; those beyond `length` are NaN (integers: 0).
    """
    capacity = jax.tree.leaves(xs)[0].shape[0]

    def one_step(carry: Carry, i: Any) -> tuple[Carry, Tree]:
        return body(carry, at(xs, i), i + 1)

    def ahead(i: Any, loop: tuple[Carry, Tree]) -> tuple[Carry, Tree]:
        carry, new = one_step(loop[0], i)
        return carry, put(loop[1], i, new)

    _, shape = jax.eval_shape(one_step, carry, jnp.int32(0))
    blank = jax.tree.map(lambda leaf: _blank((capacity, *leaf.shape), leaf.dtype), shape)
    final, seen = jax.lax.fori_loop(0, jnp.asarray(length, jnp.int32), ahead, (carry, blank))
    return final, seen


def _blank(shape: tuple[int, ...], dtype: Any) -> Array:
    return jnp.full(shape, jnp.nan if jnp.issubdtype(dtype, jnp.inexact) else 0, dtype)


def reverse_scan(
    forward: Callable[[Tree, Tree, Any], tuple[Tree, Tree]],
    start: Callable[[Tree], Carry],
    back: Callable[[Carry, Tree], tuple[Carry, Tree]],
    observe: Callable[[Carry, Any], tuple[Carry, Tree]],
    state: Tree,
    xs: Tree,
    length: Int[Array, ""] | int,
    segment: int = SEGMENT,
    condense: Callable[[Tree], Tree] = lambda seen: seen,
) -> tuple[Tree, Tree, Carry]:
    """Run `length` steps forward, then back, keeping `kept` for one segment of the way at a time.

    for t = 1..length:      state_t, kept_t = forward(state_{t-1}, xs[t-1], t)
    carry = start(state_length)
    for lag = 0..length-1:
        carry, observed[lag] = observe(carry, lag)
        carry, passed[lag] = back(carry, kept_t)
    _, observed[length] = observe(carry, length)

    with t = length - lag. `length` may be traced: one program serves every length up to `len(xs)`.
    Returns `(observed, passed, carry)`, the first two of leading size `len(xs) + 1` and `len(xs)`; entries
    beyond `length` are zeros. Memory beside them: `segment` times `kept`, and a state a segment. What was
    observed goes through `condense` a segment at a time (with a leading axis of lags, zeros where there is
    none), so that more can be observed than is kept.

    The initial state is observed in the same loop, before a step back that leads nowhere: so everything is
    compiled once. What it passed is dropped; the last carry has been through it.
    """
    capacity = jax.tree.leaves(xs)[0].shape[0]
    segment = min(segment, capacity)
    length = jnp.asarray(length, jnp.int32)
    segments = (length + segment - 1) // segment

    def ahead(i: Any, state: Tree) -> tuple[Tree, Tree]:
        return forward(state, at(xs, i), i + 1)

    def checkpoint(k: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        state, saved = loop
        saved = put(saved, k, state)
        first = k * segment
        return jax.lax.fori_loop(first, first + segment, lambda i, s: ahead(i, s)[0], state), saved

    mapped = mapped_zero((state, xs))
    _, kept = jax.eval_shape(lambda s: ahead(0, s), state)
    carry = jax.eval_shape(start, state)
    seen = jax.eval_shape(lambda c: observe(c, length)[1], carry)
    block = jax.eval_shape(lambda: _zeros(seen, segment + 1, mapped))
    observed = jax.eval_shape(lambda block: at(condense(block), 0), block)
    passing = jax.eval_shape(lambda c, e: back(c, e)[1], carry, kept)

    saved = _zeros(jax.eval_shape(lambda: state), -(-capacity // segment), mapped)
    last, saved = jax.lax.fori_loop(0, segments - 1, checkpoint, (state, saved))
    saved = put(saved, segments - 1, last)

    def segment_back(k: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
        carry, observed, passed, kept = loop
        which = segments - 1 - k
        first = which * segment
        end = jnp.minimum(first + segment, length)
        nearest = length - end

        def keep(i: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
            state, item = ahead(i, loop[0])
            return state, put(loop[1], i - first, item)

        def backward(j: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
            carry, seen, passed = loop
            i = end - 1 - j
            lag = length - 1 - i
            carry, new = observe(carry, lag)
            carry, extra = back(carry, at(kept, i - first))
            return carry, put(seen, j, new), put(passed, lag, extra)

        final, kept = jax.lax.fori_loop(first, end, keep, (at(saved, which), kept))
        carry = jax.tree.map(lambda new, old: jnp.where(k == 0, new, old), start(final), carry)
        way = (carry, _zeros(seen, segment + 1, mapped), passed)
        lags = end - first + (which == 0).astype(jnp.int32)
        carry, block, passed = jax.lax.fori_loop(0, lags, backward, way)
        # A segment that is not full ends in zeros, which the next one overwrites.
        return carry, put_some(observed, nearest, condense(block)), passed, kept

    blank = jax.tree.map(lambda leaf: constant(0, mapped, leaf.shape, leaf.dtype), carry)
    sizes = ((observed, capacity + 1), (passing, capacity + 1), (kept, segment))
    loop = (blank, *(_zeros(shape, size, mapped) for shape, size in sizes))
    carry, observed, passed, _ = jax.lax.fori_loop(0, segments, segment_back, loop)
    nowhere = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), passing)
    return observed, jax.tree.map(lambda leaf: leaf[:-1], put(passed, length, nowhere)), carry


def reverse_blocks(
    forward: Callable[[Tree, Tree, Any], tuple[Tree, Tree]],
    start: Callable[[Tree], Carry],
    back: Callable[[Carry, Tree], Carry],
    show: Callable[[Carry], Tree],
    finish: Callable[[Tree, Tree, Tree], tuple[Tree, Tree, Tree]],
    state: Tree,
    held: Tree,
    xs: Tree,
    length: Int[Array, ""] | int,
    segment: int = SEGMENT,
    block: int = BLOCK,
) -> tuple[Tree, Tree, Tree, Carry]:
    """Run `length` steps forward, then back, and finish `block` steps of the way at a time.

    for t = 1..length:      state_t, kept_t = forward(state_{t-1}, xs[t-1], t)
    carry_length = start(state_length);     carry_{t-1} = back(carry_t, kept_t)
    of each block, the last one first, steps t = i+1..i+block of it side by side:
        held, observed, passed = finish(held, kept_{i+1..}, show(carry_{i..}))

    `length` may be traced, as in `reverse_scan`. Returns `(observed, passed, held, carry_0)`, the first two
    by lag, of leading size `len(xs) + 1` and `len(xs)`; entries beyond `length` are zeros. The last block
    may go beyond the end: there `finish` gets what step `length` has kept, and zeros of the carries.
    """
    capacity = jax.tree.leaves(xs)[0].shape[0]
    block = min(block, segment, capacity)
    segment = block * -(-min(segment, capacity) // block)
    most = -(-capacity // segment)
    length = jnp.asarray(length, jnp.int32)
    segments = (length + segment - 1) // segment

    def ahead(i: Any, state: Tree) -> tuple[Tree, Tree]:
        return forward(state, at(xs, i), i + 1)

    def checkpoint(k: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        state, saved = loop
        saved = put(saved, k, state)
        first = k * segment
        return jax.lax.fori_loop(first, first + segment, lambda i, s: ahead(i, s)[0], state), saved

    mapped = mapped_zero((state, xs))
    _, kept = jax.eval_shape(lambda s: ahead(0, s), state)
    carry = jax.eval_shape(start, state)
    shown = jax.eval_shape(lambda c: _zeros(jax.eval_shape(show, c), block + 1, mapped), carry)
    few = jax.eval_shape(lambda: _zeros(kept, block, mapped))
    # Traced once, for its shapes and for the loop.
    finish = jax.jit(finish, inline=True)
    _, observed, passed = jax.eval_shape(finish, held, few, shown)

    saved = _zeros(jax.eval_shape(lambda: state), most, mapped)
    last, saved = jax.lax.fori_loop(0, segments - 1, checkpoint, (state, saved))
    saved = put(saved, segments - 1, last)

    def segment_back(k: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
        carry, held, observed, passed, kept, shown = loop
        which = segments - 1 - k
        first = which * segment
        end = jnp.minimum(first + segment, length)

        def keep(i: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
            state, item = ahead(i, loop[0])
            return state, put(loop[1], i - first, item)

        final, kept = jax.lax.fori_loop(first, end, keep, (at(saved, which), kept))
        carry = jax.tree.map(lambda new, old: jnp.where(k == 0, new, old), start(final), carry)
        # The last block may go beyond the end: nothing is sent there, through what the last step has kept.
        beyond = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (block, *leaf.shape)), at(kept, end - 1 - first)
        )
        kept = put_some(kept, end - first, beyond)
        blocks = (end - first + block - 1) // block

        def block_back(j: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
            carry, held, observed, passed, shown = loop
            begin = (blocks - 1 - j) * block
            count = jnp.minimum(end - first - begin, block)

            def backward(j: Any, loop: tuple[Carry, Tree]) -> tuple[Carry, Tree]:
                carry, shown = loop
                place = count - 1 - j
                carry = back(carry, at(kept, begin + place))
                return carry, put(shown, place, show(carry))

            shown = put(shown, count, show(carry))
            carry, shown = jax.lax.fori_loop(0, count, backward, (carry, shown))
            held, seen, passing = finish(held, some(kept, begin, block), shown)
            observed = put_some(observed, first + begin, seen)
            return carry, held, observed, put_some(passed, first + begin, passing), shown

        way = carry, held, observed, passed, shown
        carry, held, observed, passed, shown = jax.lax.fori_loop(0, blocks, block_back, way)
        return carry, held, observed, passed, kept, shown

    def room(shape: Tree, size: int) -> Tree:
        return jax.tree.map(lambda leaf: constant(0, mapped, (size, *leaf.shape[1:]), leaf.dtype), shape)

    blank = jax.tree.map(lambda leaf: constant(0, mapped, leaf.shape, leaf.dtype), carry)
    rows = room(observed, most * segment + 1), room(passed, most * segment)
    loop = (blank, held, *rows, _zeros(kept, segment + block, mapped), room(shown, block + 1))
    carry, held, observed, passed, *_ = jax.lax.fori_loop(0, segments, segment_back, loop)

    def by_lag(rows: Any, size: int) -> Any:
        """Rows 0..length-1 (observed: length), the last one first."""
        turned = jnp.flip(rows, 0)
        turned = jnp.concatenate([turned, jnp.zeros((size, *rows.shape[1:]), rows.dtype)])
        return some(turned, most * segment - length, size)

    observed = jax.tree.map(lambda leaf: by_lag(leaf, capacity + 1), observed)
    return observed, jax.tree.map(lambda leaf: by_lag(leaf, capacity), passed), held, carry


def _zeros(shape: Tree, size: int, mapped: Any) -> Tree:
    return jax.tree.map(lambda leaf: constant(0, mapped, (size, *leaf.shape), leaf.dtype), shape)

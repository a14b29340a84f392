"""The way forward and back where T is a fact of the program: only what waits for its neighbour is in a loop.

It is what `scan.reverse_scan` does, in the form that suits a GPU.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gradlab.recurrence.platforms import STEPS
from gradlab.recurrence.scan import SEGMENT

Tree = Any
BYTES = 2**33
"""What is kept of the steps of a segment takes at most about so many bytes."""
AT_ONCE = 2**30
"""The same, beyond `SEGMENT` steps, where all of them are taken at once."""
LONGEST = 16 * SEGMENT
"""Steps that are taken at once, at most."""


def segment_of(bytes_a_step: int, *, at_once: bool = False) -> int:
    """How many steps are kept at a time; of those that are taken `at_once` more, if they are small."""
    more = min(LONGEST, AT_ONCE // max(bytes_a_step, 1)) if at_once else 1
    return max(1, more, min(SEGMENT, BYTES // max(bytes_a_step, 1)))


def segments(xs: Tree, length: Any, segment: int) -> tuple[Tree, Any]:
    """The first `length` of xs and their t in segments of one length; what comes before t = 1 is no step."""
    count = -(-length // segment)
    size = -(-length // count)
    vain = count * size - length

    def cut(leaf: Any) -> Any:
        leaf = leaf[:length]
        if vain:
            leaf = jnp.concatenate([jnp.broadcast_to(leaf[:1], (vain, *leaf.shape[1:])), leaf])
        return leaf.reshape(count, size, *leaf.shape[1:])

    steps = jnp.arange(1 - vain, length + 1, dtype=jnp.int32).reshape(count, size)
    return jax.tree.map(cut, xs), steps


def reverse_scan(
    forward: Callable[[Tree, Tree, Any], tuple[Tree, Tree]],
    start: Callable[[Tree], Tree],
    back: Callable[[Tree, Tree], Tree],
    finish: Callable[[Tree, Tree, Tree, Any], tuple[Tree, Tree, Tree]],
    state: Tree,
    held: Tree,
    xs: Tree,
    length: Any,
    segment: int = SEGMENT,
    *,
    given: Callable[[Tree], Tree] = lambda x: x,
    states: Callable[[Tree, Tree, Any], Tree] | None = None,
    carries: Callable[[Tree, Tree, Any], Tree] | None = None,
) -> tuple[Tree, Tree, Tree]:
    """Run `length` steps forward, then back, and finish a segment of the way at a time.

    for t = 1..length:      state_t, kept_t = forward(state_{t-1}, given(xs[t-1]), t)
    carry_length = start(state_length);     carry_{t-1} = back(carry_t, kept_t)
    of each segment, the last one first, steps t = i+1..j of it side by side:
        held, observed, passed = finish(held, kept_{i+1..j}, carry_{i..j}, (i+1..j))

    Where all steps of a segment can be taken at once, `states(state_i, xs, t)` gives state_{i..j}, and
    `carries(carry_j, kept, t)` carry_{i..j}, for the xs, t and kept of i+1..j (see `linear`).

    Returns `(observed, passed, held)`, the first two by lag, of leading size `len(xs) + 1` and `len(xs)`;
    entries beyond `length` are zeros. Segments are of one length; those of the first that come before t = 1
    are no steps: they change nothing, and `finish` knows them by their t, below 1.
    """
    capacity = jax.tree.leaves(xs)[0].shape[0]
    inputs, steps = segments(xs, length, segment)
    count, size = steps.shape
    vain = count * size - length

    def real(t: Any, new: Tree, old: Tree) -> Tree:
        return jax.tree.map(lambda a, b: jnp.where(t > 0, a, b), new, old) if vain else new

    def ahead(state: Tree, here: tuple[Tree, Any]) -> tuple[Tree, Tree]:
        after, kept = forward(state, *here)
        return real(here[1], after, state), kept

    def backward(carry: Tree, here: tuple[Tree, Any]) -> tuple[Tree, Tree]:
        kept, t = here
        after = real(t, back(carry, kept), carry)
        return after, after

    def onward(state: Tree, x: Tree, t: Any) -> tuple[Tree, Tree]:
        """The state after a segment, and what its steps have kept."""
        if states is None:
            found: tuple[Tree, Tree] = _loop(ahead, state, (jax.vmap(given)(x), t))
            return found
        way = states(state, x, t)
        before = jax.tree.map(lambda leaf: leaf[:-1], way)
        return _at(way, -1), jax.vmap(forward)(before, jax.vmap(given)(x), t)[1]

    def skip(state: Tree, here: tuple[Tree, Any]) -> tuple[Tree, Tree]:
        x, t = here
        if states is not None:
            return _at(states(state, x, t), -1), state
        only = lambda state, here: (ahead(state, here)[0], None)
        return _loop(only, state, (jax.vmap(given)(x), t))[0], state

    def one(loop: tuple[Tree, Tree], here: tuple[Tree, Tree, Any]) -> tuple[tuple[Tree, Tree], Tree]:
        (carry, held), (first, x, t) = loop, here
        final, kept = onward(first, x, t)
        begin = start(final)
        if count > 1:
            begin = jax.tree.map(lambda new, old: jnp.where(t[-1] == length, new, old), begin, carry)
        if carries is None:
            _, way = _loop(backward, begin, (kept, t), reverse=True)
            way = jax.tree.map(lambda some, end: jnp.concatenate([some, end[None]]), way, begin)
        else:
            way = carries(begin, kept, t)
        held, observed, passed = finish(held, kept, way, t)
        return (_at(way, 0), held), (observed, passed)

    if count == 1:
        alone = _at((inputs, steps), 0)
        (_, held), found = one((None, held), (state, *alone))
        observed, passed = jax.tree.map(lambda leaf: leaf[None], found)
    else:
        last, firsts = jax.lax.scan(skip, state, jax.tree.map(lambda leaf: leaf[:-1], (inputs, steps)))
        firsts = jax.tree.map(lambda some, end: jnp.concatenate([some, end[None]]), firsts, last)
        begin = jax.eval_shape(start, state)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), begin)
        (_, held), (observed, passed) = jax.lax.scan(
            one, (blank, held), (firsts, inputs, steps), reverse=True
        )

    def by_lag(rows: Any, size: int) -> Any:
        found = rows[vain:][::-1]
        return jnp.pad(found, [(0, size - len(found)), *[(0, 0)] * (found.ndim - 1)])

    def observed_by_lag(leaf: Any) -> Any:
        rows = leaf[:, :size].reshape(count * size, *leaf.shape[2:])
        return by_lag(jnp.concatenate([rows, leaf[-1, size:]]), capacity + 1)

    passed = jax.tree.map(lambda leaf: by_lag(leaf.reshape(-1, *leaf.shape[2:]), capacity), passed)
    return jax.tree.map(observed_by_lag, observed), passed, held


def _loop(
    body: Callable[[Tree, Tree], tuple[Tree, Tree]], carry: Tree, given: Tree, reverse: bool = False
) -> Any:
    return jax.lax.scan(body, carry, given, reverse=reverse, unroll=STEPS)


def _at(tree: Tree, i: int) -> Tree:
    """Entry i of each leaf."""
    return jax.tree.map(lambda leaf: leaf[i], tree)

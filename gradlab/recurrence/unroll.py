"""The loop over time forward and back, and its log-domain backward pass.

Loops over time are of three kinds, since no one of them can do what the others do: `reverse_scan` here goes
back by itself, over a length that may be traced, and keeps one segment of the way at a time; `forward.scan`
has such a length, too, but no reverse mode; `jax.lax.scan`, where training, penalties, `gradlab verify` and
the lesson call it, has a fixed length and keeps every step, so that JAX can differentiate through it.

A backward pass carries `value * 2**exponent`: numbers near 1 and one integer. Nothing underflows or
overflows on the way, and no logarithm is taken before the pass is over (`log10_norm`).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from numpy.typing import NDArray

from gradlab.recurrence import powers
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.trees import constant, mapped_zero
from gradlab.types import ProbeContext, Scaled, Step

Tree = Any
Carry = TypeVar("Carry")

ZERO_EXPONENT = -(2**30)
"""The exponent of an exact zero: below every reachable one, and safe to add to."""
NOT_CERTIFIED = -1.0
"""In the place of a square: the norm is not known to the promised error."""
SEGMENT = 256
"""Steps whose residuals are kept at a time; a longer sequence is run again, segment by segment."""


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
    # By way of [2, 4): 2**-shift itself would be subnormal, and so flushed to 0, for the largest peaks.
    factor = powers.two_to(2 - shift, peak.dtype)
    moved = jnp.where(peak == 0, ZERO_EXPONENT, exponent + shift)
    return Scaled(jax.tree.map(lambda leaf: leaf * factor / 4, value), moved.astype(jnp.int32))


def add(a: Scaled, b: Scaled) -> Scaled:
    """The sum of two scaled trees, aligned at the larger exponent."""
    top = jnp.maximum(a.exponent, b.exponent)

    def aligned(part: Scaled) -> Tree:
        # What is further below than the smallest normal number adds nothing to numbers near 1.
        drop = jnp.maximum(part.exponent - top, -2000)
        return jax.tree.map(lambda leaf: leaf * powers.two_to(drop, leaf.dtype), part.value)

    return rescale(jax.tree.map(jnp.add, aligned(a), aligned(b)), top)


def norms(scaled: Scaled) -> Norm:
    """The norm of the whole tree, then of each leaf when there are several; shape (parts,)."""
    parts = jax.tree.leaves(scaled.value)
    if len(parts) == 1:
        return Norm(jnp.sum(parts[0] * parts[0])[None], scaled.exponent[None])
    whole = jnp.stack([jnp.sum(leaf * leaf) for leaf in parts]).sum()
    # A part far below the largest would underflow when squared: each gets an exponent of its own.
    alone = [rescale(leaf, scaled.exponent) for leaf in parts]
    squares = [jnp.sum(part.value * part.value) for part in alone]
    return Norm(
        jnp.stack([whole, *squares]), jnp.stack([scaled.exponent, *(part.exponent for part in alone)])
    )


def log10_norm(norm: Norm) -> NDArray[np.float64]:
    """log10 of a norm, float64, on the host; -inf where it is 0, NaN where it is not finite or not known."""
    square = np.asarray(norm.square, np.float64)
    exponent = np.asarray(norm.exponent, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = 0.5 * np.log10(square) + exponent * math.log10(2)
    return np.where(square == 0, -np.inf, np.where(np.isfinite(square) & (square > 0), log, np.nan))


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
    settle: Callable[[Carry, Tree], Carry] | None = None,
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

    With `settle`, `back` passes a pair: the second parts of a segment are kept that long, and come, with a
    leading axis and zeros behind them, to `settle(carry, parts)`.

    The initial state is observed in the same loop, before a step back that leads nowhere: so everything is
    compiled once. What it passed is dropped; the last carry has been through it.
    """
    capacity = jax.tree.leaves(xs)[0].shape[0]
    segment = min(segment, capacity)
    length = jnp.asarray(length, jnp.int32)
    segments = (length + segment - 1) // segment

    def ahead(i: Any, state: Tree) -> tuple[Tree, Tree]:
        return forward(state, _get(xs, i), i + 1)

    def checkpoint(k: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        state, saved = loop
        saved = _put(saved, k, state)
        first = k * segment
        return jax.lax.fori_loop(first, first + segment, lambda i, s: ahead(i, s)[0], state), saved

    mapped = mapped_zero((state, xs))
    _, kept = jax.eval_shape(lambda s: ahead(0, s), state)
    carry = jax.eval_shape(start, state)
    seen = jax.eval_shape(lambda c: observe(c, length)[1], carry)
    block = jax.eval_shape(lambda: _zeros(seen, segment + 1, mapped))
    observed = jax.eval_shape(lambda block: _get(condense(block), 0), block)
    passing = jax.eval_shape(lambda c, e: back(c, e)[1], carry, kept)
    passing, later = passing if settle is not None else (passing, None)

    saved = _zeros(jax.eval_shape(lambda: state), -(-capacity // segment), mapped)
    last, saved = jax.lax.fori_loop(0, segments - 1, checkpoint, (state, saved))
    saved = _put(saved, segments - 1, last)

    def segment_back(k: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
        carry, observed, passed, kept = loop
        which = segments - 1 - k
        first = which * segment
        end = jnp.minimum(first + segment, length)
        nearest = length - end

        def keep(i: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
            state, item = ahead(i, loop[0])
            return state, _put(loop[1], i - first, item)

        def astern(j: Any, loop: tuple[Any, ...]) -> tuple[Any, ...]:
            carry, seen, passed, put_off = loop
            i = end - 1 - j
            lag = length - 1 - i
            carry, new = observe(carry, lag)
            carry, extra = back(carry, _get(kept, i - first))
            if settle is not None:
                extra, part = extra
                put_off = _put(put_off, j, part)
            return carry, _put(seen, j, new), _put(passed, lag, extra), put_off

        final, kept = jax.lax.fori_loop(first, end, keep, (_get(saved, which), kept))
        carry = jax.tree.map(lambda new, old: jnp.where(k == 0, new, old), start(final), carry)
        way = (carry, _zeros(seen, segment + 1, mapped), passed, _zeros(later, segment + 1, mapped))
        lags = end - first + (which == 0).astype(jnp.int32)
        carry, block, passed, put_off = jax.lax.fori_loop(0, lags, astern, way)
        if settle is not None:
            carry = settle(carry, put_off)
        # A segment that is not full ends in zeros, which the next one overwrites.
        return carry, _put_all(observed, nearest, condense(block)), passed, kept

    blank = jax.tree.map(lambda leaf: constant(0, mapped, leaf.shape, leaf.dtype), carry)
    sizes = ((observed, capacity + 1), (passing, capacity + 1), (kept, segment))
    loop = (blank, *(_zeros(shape, size, mapped) for shape, size in sizes))
    carry, observed, passed, _ = jax.lax.fori_loop(0, segments, segment_back, loop)
    nowhere = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), passing)
    return observed, jax.tree.map(lambda leaf: leaf[:-1], _put(passed, length, nowhere)), carry


class SentBack(NamedTuple):
    """What `backpropagate` has found on its way."""

    observed: Tree
    """By lag, 0..T."""
    passed: Tree
    """By lag, 0..T-1: what `weights` made of the step's part of dL/dparams."""
    nonfinite_step: Int[Array, ""]
    """The first step whose state is not finite, or 0."""
    gradient: list[Scaled] | None
    """dL/dparams, leaf by leaf of what has a gradient; only if it was summed."""


def backpropagate(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    setup: ProbeContext,
    observe: Callable[[Scaled], Tree] = lambda adjoint: None,
    weights: Callable[[Callable[[], Tree], Int[Array, ""]], Tree] | None = None,
    summing: Callable[..., Any] | None = None,
) -> SentBack:
    """Send the objective's cotangents back through time, in the log domain.

    a_T = dL_T/dstate_T,    a_{t-1} = dL_{t-1}/dstate_{t-1} + (dstate_t/dstate_{t-1})^T a_t

    `observe(a_t)` is recorded at every lag; `weights(g, exponent)`, where `g() * 2**exponent` is the
    part of dL/dparams that step t contributes, at every lag below T; `outer.summing` as `summing` adds
    these up. A remedy's backward pass changes what step t sends to lag T - t + 1.
    """
    one = pullback(step, params, state, _get(xs, 0), weights=weights is not None)
    local, every = setup.objective

    def forward(way: tuple[Tree, Any], x: Tree, t: Any) -> tuple[tuple[Tree, Any], Tree]:
        state, broken = way
        after, kept = one.forward(state, x)
        # The initial state has no term of its own in the loss.
        term = jax.tree.map(lambda leaf: jnp.where(t > 1, leaf, 0), local(state)) if every else None
        return (after, _first_broken(broken, after, t)), (kept, term)

    def gradient(kept: Any, cotangent: Tree) -> list[Any]:
        return jax.tree.leaves(one.pull(kept, cotangent)[0])

    whole = None
    if summing is not None:
        whole = summing(gradient, jax.eval_shape(one.forward, state, _get(xs, 0))[1], state)

    def start(final: tuple[Tree, Any]) -> _Back:
        total = None if whole is None else whole.start(mapped_zero((final[0], xs)))
        return _Back(rescale(local(final[0])), final[1], jnp.int32(0), total)

    def back(carry: _Back, item: tuple[Any, Tree]) -> tuple[_Back, Tree]:
        adjoint, broken, lag, total = carry
        kept, term = item
        of_params = lambda: one.pull(kept, adjoint.value)[0]
        record = weights(of_params, adjoint.exponent) if weights is not None else None
        if whole is not None:
            # The step before the first one does not count.
            counts = lag < setup.length
            total, later = whole.add(total, (kept, adjoint.value), adjoint.exponent, counts)
            record = record, later
        _, of_state = one.pull(kept, adjoint.value)
        pulled = rescale(of_state, adjoint.exponent)
        if setup.adjoint is not None:
            pulled = setup.adjoint(lag + 1, pulled)
        return _Back(add(pulled, rescale(term)) if every else pulled, broken, lag + 1, total), record

    def watch(carry: _Back, lag: Any) -> tuple[_Back, Tree]:
        return carry, (observe(carry.adjoint), carry.broken)

    settle = None
    if whole is not None:
        settle = lambda carry, later: carry._replace(total=whole.settle(carry.total, later))
    (observed, broken), passed, last = reverse_scan(
        forward,
        start,
        back,
        watch,
        (state, jnp.int32(0)),
        xs,
        setup.length,
        settle=settle,
    )
    return SentBack(observed, passed, broken[0], None if whole is None else whole.leaves(last.total))


class _Back(NamedTuple):
    """What is carried back in time."""

    adjoint: Scaled
    broken: Any
    lag: Any
    total: Any


def _first_broken(known: Any, state: Tree, t: Any) -> Any:
    """`known`, or t if that is 0 and the state is not finite."""
    finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state)]).all()
    return jnp.where((known == 0) & ~finite, t, known).astype(jnp.int32)


def _zeros(shape: Tree, size: int, mapped: Any) -> Tree:
    return jax.tree.map(lambda leaf: constant(0, mapped, (size, *leaf.shape), leaf.dtype), shape)


def _put(buffer: Tree, i: Any, item: Tree) -> Tree:
    return jax.tree.map(lambda b, v: jax.lax.dynamic_update_index_in_dim(b, v, i, 0), buffer, item)


def _put_all(buffer: Tree, first: Any, items: Tree) -> Tree:
    return jax.tree.map(lambda b, v: jax.lax.dynamic_update_slice_in_dim(b, v, first, 0), buffer, items)


def _get(buffer: Tree, i: Any) -> Tree:
    return jax.tree.map(lambda b: jax.lax.dynamic_index_in_dim(b, i, 0, keepdims=False), buffer)

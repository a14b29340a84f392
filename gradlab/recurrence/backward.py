"""Backpropagation through time in the log domain: `value * 2**exponent` from one step to the one before."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence import platforms, wide
from gradlab.recurrence.indexing import at
from gradlab.recurrence.linear import Linear, linear
from gradlab.recurrence.outer import Sum
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import add, rescale
from gradlab.recurrence.scan import BLOCK, reverse_blocks
from gradlab.recurrence.trees import mapped_zero, turned
from gradlab.types import ProbeContext, Scaled, Step

Tree = Any


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
    one = pullback(step, params, state, at(xs, 0), weights=weights is not None)
    local, every = setup.objective.at, setup.objective.every
    early = one.apart() if platforms.fixed(setup.length) else None

    def forward(way: tuple[Tree, Any], x: Tree, t: Any) -> tuple[tuple[Tree, Any], Tree]:
        state, broken = way
        after, kept = (one.forward if early is None else early[1])(state, x)
        # The initial state has no term of its own in the loss.
        term = jax.tree.map(lambda leaf: jnp.where(t > 1, leaf, 0), local(state, t - 1)) if every else None
        return (after, _first_broken(broken, after, t)), (kept, term)

    def gradient(kept: Any, cotangent: Tree) -> list[Any]:
        return jax.tree.leaves(one.pull(kept, cotangent)[0])

    whole: Sum | None = None
    if summing is not None:
        whole = summing(gradient, jax.eval_shape(one.forward, state, at(xs, 0))[1], state)
    nothing = None if whole is None else whole.start(mapped_zero((state, xs)))

    def start(final: tuple[Tree, Any]) -> _Back:
        return _Back(rescale(local(final[0], setup.length)), final[1], jnp.int32(0))

    def before(carry: _Back, item: tuple[Any, Tree]) -> _Back:
        (adjoint, broken, lag), (kept, term) = carry, item
        _, of_state = one.pull(kept, adjoint.value)
        pulled = rescale(of_state, adjoint.exponent)
        if setup.adjoint is not None:
            pulled = setup.adjoint(lag + 1, pulled)
        return _Back(add(pulled, rescale(term)) if every else pulled, broken, lag + 1)

    def finish(
        total: Any, items: tuple[Any, Tree], adjoints: Scaled, real: Any = None
    ) -> tuple[Any, Tree, Tree]:
        kept = items[0]
        sent: Scaled = jax.tree.map(lambda leaf: leaf[1:], adjoints)
        if real is not None:
            sent = sent._replace(value=jax.tree.map(functools.partial(_rows, real), sent.value))

        def of_step(kept: Any, adjoint: Scaled) -> Tree:
            of_params = lambda: one.pull(kept, adjoint.value)[0]
            return weights(of_params, adjoint.exponent) if weights is not None else None

        if whole is not None:
            total = whole.add(total, (kept, sent.value), sent.exponent)
        return total, jax.vmap(observe)(adjoints), jax.vmap(of_step)(kept, sent)

    way = state, jnp.int32(0)
    if early is None:
        steps = BLOCK if whole is None else whole.together(BLOCK)
        observed, passed, total, last = reverse_blocks(
            forward,
            start,
            before,
            lambda carry: carry.adjoint,
            finish,
            way,
            nothing,
            xs,
            setup.length,
            block=steps,
        )
        broken = last.broken
    else:

        def finish_all(total: Any, items: Any, carries: _Back, t: Any) -> tuple[Any, Tree, Tree]:
            # What comes before the first step is no step: nothing goes through it.
            total, observed, passed = finish(total, items, carries.adjoint, t > 0)
            return total, (observed, carries.broken), passed

        kept = jax.tree.leaves(jax.eval_shape(forward, way, jax.eval_shape(early[0], at(xs, 0)), 1))
        size = setup.beside * sum(leaf.size * leaf.dtype.itemsize for leaf in kept)
        # A remedy has a word in at every lag.
        many = linear(one, step, params, state, at(xs, 0), setup.beside) if setup.adjoint is None else None
        at_once = (None, None) if many is None else _at_once(many, every)
        (observed, every_broken), passed, total = wide.reverse_scan(
            forward,
            start,
            before,
            finish_all,
            way,
            nothing,
            xs,
            setup.length,
            wide.segment_of(size, at_once=at_once[1] is not None),
            given=early[0],
            states=at_once[0],
            carries=at_once[1],
        )
        broken = every_broken[0]
    return SentBack(observed, passed, broken, None if whole is None else whole.leaves(total))


def _at_once(steps: Linear, every: bool) -> tuple[Any, Any]:
    """The ways forward and back of all steps of a segment at once; no way forward where there is none."""

    def states(way: tuple[Tree, Any], xs: Tree, t: Any) -> tuple[Tree, Any]:
        found = steps.states(way[0], xs, t)
        finite = jax.vmap(lambda state: _first_broken(jnp.int32(0), state, 1) == 0)(found)
        ill = ~finite[1:] & (t > 0)
        first = jnp.where(ill.any(), t[jnp.argmax(ill)], 0)
        seen = jnp.append(False, jnp.cumsum(ill) > 0)
        return found, jnp.where((way[1] == 0) & seen, first, way[1]).astype(jnp.int32)

    def carries(begin: _Back, items: tuple[Any, Tree], t: Any) -> _Back:
        kept, terms = items
        sent = steps.sent_back(begin.adjoint, kept, t, terms if every else None)
        lags = jnp.arange(len(t), -1, -1, dtype=jnp.int32)
        return _Back(turned(sent), jnp.broadcast_to(begin.broken, lags.shape), begin.lag + lags)

    return states if steps.affine else None, carries


class _Back(NamedTuple):
    """What is carried back in time."""

    adjoint: Scaled
    broken: Any
    lag: Any


def _rows(which: Any, leaf: Any) -> Any:
    """The rows, zeros in the place of others."""
    return jnp.where(which.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, 0)


def _first_broken(known: Any, state: Tree, t: Any) -> Any:
    """`known`, or t if that is 0 and the state is not finite."""
    finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state)]).all()
    return jnp.where((known == 0) & ~finite, t, known).astype(jnp.int32)

"""Backpropagation through time in the log domain: `value * 2**exponent` from one step to the one before."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.recurrence import platforms, wide
from gradlab.recurrence.outer import Sum
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import add, rescale
from gradlab.recurrence.scan import at, reverse_scan
from gradlab.recurrence.trees import mapped_zero
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
    local, every = setup.objective
    early = one.apart() if platforms.fixed(setup.length) else None

    def forward(way: tuple[Tree, Any], x: Tree, t: Any) -> tuple[tuple[Tree, Any], Tree]:
        state, broken = way
        after, kept = (one.forward if early is None else early[1])(state, x)
        # The initial state has no term of its own in the loss.
        term = jax.tree.map(lambda leaf: jnp.where(t > 1, leaf, 0), local(state)) if every else None
        return (after, _first_broken(broken, after, t)), (kept, term)

    def gradient(kept: Any, cotangent: Tree) -> list[Any]:
        return jax.tree.leaves(one.pull(kept, cotangent)[0])

    whole: Sum | None = None
    if summing is not None:
        whole = summing(gradient, jax.eval_shape(one.forward, state, at(xs, 0))[1], state)

    def start(final: tuple[Tree, Any]) -> _Back:
        total = None if whole is None else whole.start(mapped_zero((final[0], xs)))
        return _Back(rescale(local(final[0])), final[1], jnp.int32(0), total)

    def before(carry: _Back, kept: Any, term: Tree) -> _Back:
        adjoint, broken, lag, total = carry
        _, of_state = one.pull(kept, adjoint.value)
        pulled = rescale(of_state, adjoint.exponent)
        if setup.adjoint is not None:
            pulled = setup.adjoint(lag + 1, pulled)
        return _Back(add(pulled, rescale(term)) if every else pulled, broken, lag + 1, total)

    if early is not None:

        def finish(total: Any, kept: Any, carries: _Back, t: Any) -> tuple[Any, Tree, Tree]:
            adjoint = jax.tree.map(lambda leaf: leaf[1:], carries.adjoint)

            def of_step(kept: Any, adjoint: Scaled) -> Tree:
                of_params = lambda: one.pull(kept, adjoint.value)[0]
                return weights(of_params, adjoint.exponent) if weights is not None else None

            if whole is not None:
                total = whole.add_all(total, (kept[0], adjoint.value), adjoint.exponent, t > 0)
            observed = jax.vmap(observe)(carries.adjoint), carries.broken
            return total, observed, jax.vmap(of_step)(kept[0], adjoint)

        way = state, jnp.int32(0)
        given = jax.vmap(early[0])(xs)
        kept = jax.tree.leaves(jax.eval_shape(forward, way, at(given, 0), 1))
        (observed, broken), passed, total = wide.reverse_scan(
            forward,
            # What is carried is kept of every step.
            lambda final: start(final)._replace(total=None),
            lambda carry, kept: before(carry, *kept),
            finish,
            way,
            None if whole is None else whole.start(mapped_zero((state, xs))),
            given,
            setup.length,
            wide.segment_of(setup.beside * sum(leaf.size * leaf.dtype.itemsize for leaf in kept)),
        )
        return SentBack(observed, passed, broken[0], None if whole is None else whole.leaves(total))

    def back(carry: _Back, item: tuple[Any, Tree]) -> tuple[_Back, Tree]:
        kept, term = item
        of_params = lambda: one.pull(kept, carry.adjoint.value)[0]
        record = weights(of_params, carry.adjoint.exponent) if weights is not None else None
        if whole is not None:
            # The step before the first one does not count.
            counts = carry.lag < setup.length
            arguments = kept, carry.adjoint.value
            total, later = whole.add(carry.total, arguments, carry.adjoint.exponent, counts)
            carry = carry._replace(total=total)
            record = record, later
        return before(carry, kept, term), record

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

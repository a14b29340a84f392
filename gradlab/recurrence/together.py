"""The gradient of the mean loss of several sequences, each sent back from its own last step.

At lag k all sequences stand at their own step t = T_i - k, so one loop over lags goes through all of them:

    L = 1/B sum_i L_i,    dL/dW = 1/B sum_k sum_{i: T_i > k} g_ik,    g_ik = (dstate_t/dW)^T a_t of sequence i

Each sequence's adjoint has an exponent of its own; they meet at the largest one, where they are added.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from gradlab.recurrence import powers, projections
from gradlab.recurrence.projections import Gradient
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, add, norms, rescale
from gradlab.recurrence.trees import merged, split
from gradlab.types import Objective, Scaled, Step

Tree = Any


class OfMean(NamedTuple):
    """What `mean_gradient` gives."""

    by_lag: Norm
    """Of the mean of g_ik over the sequences that have lag k; lags 0..T-1."""
    lost: Bool[Array, " lag"]
    """Numbers of that were so small that their format may have lost some."""
    gradient: Gradient
    """Of dL/dparams, leaf by leaf."""


def mean_gradient(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    lengths: Int[Array, " B"],
    objective: Callable[[Tree], Objective],
    targets: Tree,
    recurrent: Callable[[Tree], Tree],
) -> OfMean:
    """The norms of the mean gradient, by lag of the recurrent weights and by leaf of all.

    `xs` are arrays (B, T, ...), and every sequence starts from the same state. `objective(target)` is what a
    sequence is measured by, with its own target out of `targets`, arrays (B, ...). What stands beyond a
    sequence's length is never read.
    """
    numbers, others = split(params)
    each: Callable[..., Tree] = jax.vmap(lambda n, s, x: step(merged(n, others), s, x), (None, 0, 0))
    local: Callable[..., Tree] = jax.vmap(lambda target, s, t: objective(target).at(s, t))
    first = jax.tree.map(lambda leaf: leaf[0], targets)
    every = objective(first).every
    count, steps = jax.tree.leaves(xs)[0].shape[:2]
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), state)

    def forward(states: Tree, x: Tree) -> tuple[Tree, Tree]:
        after = each(numbers, states, x)
        return after, states

    final, before = jax.lax.scan(forward, start, jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), xs))
    states = jax.tree.map(lambda many, last: jnp.concatenate([many, last[None]]), before, final)

    def at(t: Int[Array, " B"]) -> Tree:
        """The state of each sequence after its own step t."""
        return jax.tree.map(lambda leaf: leaf[t, jnp.arange(count)], states)

    def back(carry: tuple[Scaled, list[Scaled]], lag: Any) -> tuple[tuple[Scaled, list[Scaled]], Any]:
        adjoint, total = carry
        there = lag < lengths
        # A sequence that has ended stands at its first step, and sends nothing.
        t = jnp.maximum(lengths - lag, 1)
        x = jax.tree.map(lambda leaf: leaf[jnp.arange(count), t - 1], xs)
        _, pull = jax.vjp(lambda n, s: each(n, s, x), numbers, at(t - 1))
        top = jnp.where(there, adjoint.exponent, ZERO_EXPONENT).max()
        share = jnp.where(there, powers.two_to(adjoint.exponent - top, _dtype(state)), 0)
        sent = jax.tree.map(lambda leaf: _rows(share, leaf) * leaf, adjoint.value)
        of_params = pull(sent)[0]
        mean = recurrent(
            merged(jax.tree.map(lambda leaf: leaf / there.sum().astype(leaf.dtype), of_params), others)
        )
        peak = jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(mean)]).max()
        norm = jax.tree.map(lambda leaf: leaf[0], norms(rescale(mean, top)))
        whole = [
            add(known, rescale(leaf / count, top))
            for known, leaf in zip(total, jax.tree.leaves(of_params), strict=True)
        ]
        sent_on = jax.vmap(rescale)(pull(adjoint.value)[1], adjoint.exponent)
        if every:
            # The initial state has no term of its own in the loss.
            term = local(targets, at(t - 1), t - 1)
            term = jax.tree.map(lambda leaf: jnp.where(_rows(t > 1, leaf), leaf, 0), term)
            sent_on = jax.vmap(add)(sent_on, jax.vmap(rescale)(term))
        return (sent_on, whole), (norm, peak < _least(peak.dtype))

    begun = jax.vmap(rescale)(local(targets, at(lengths), lengths))
    nothing = [Scaled(jnp.zeros_like(leaf), jnp.int32(ZERO_EXPONENT)) for leaf in jax.tree.leaves(numbers)]
    lags = jnp.arange(steps, dtype=lengths.dtype)
    (_, total), (norm, lost) = jax.lax.scan(back, (begun, nothing), lags)
    return OfMean(norm, lost, projections.of_gradient(projections.leaves(params), total))


def _rows(of_each: Any, leaf: Any) -> Any:
    """A number of each sequence beside a leaf (B, ...)."""
    return of_each.reshape(-1, *(1,) * (leaf.ndim - 1))


def _dtype(state: Tree) -> Any:
    return jax.tree.leaves(state)[0].dtype


def _least(dtype: Any) -> float:
    """Below this an array's largest entry, its others may lie below what the format holds."""
    info = np.finfo(dtype)
    return float(info.tiny) / float(info.eps) ** 2

"""Which zeros of a backward pass are zeros by definition, and which are rounding."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool
from numpy.typing import NDArray

from gradlab.recurrence.generic import drawn, generic
from gradlab.recurrence.scan import reverse_scan
from gradlab.recurrence.trees import carried, merged, split
from gradlab.states import BELOW_PRECISION, EXACT_ZERO
from gradlab.types import Objective, ProbeContext, Scaled, Step

Tree = Any


class Zeros(NamedTuple):
    """Whether a norm is zero by definition, by lag; with an axis of parts as `scaled.norms` has them."""

    adjoint: Bool[Array, "lag part"]
    transport: Bool[Array, "lag 1"]
    transport_frobenius: Bool[Array, "lag part"]
    weight_gradient: Bool[Array, " lag"] | None
    gradient: Bool[Array, " leaf"] | None
    """Of dL/dparams."""


def structural_zeros(step: Step, params: Tree, state: Tree, xs: Tree, setup: ProbeContext) -> Zeros:
    """Send a vector without small numbers back through the same states, once for each quantity.

    v_T random (adjoint: with the zeros of dL_T/dstate_T),     v_{t-1} = random where (D_t^T v_t) is not zero

    D_t^T is the pullback of step t with all that rounds to zero replaced (`generic`). After every step the
    entries of v that are not zero are set to random numbers of size [1/2, 1) again: what is zero in v is zero
    by definition of the derivative. A part's columns of the transport are zero if and only if the part of a
    random v is.

    To be called where a zero was found only: it takes about twice the time of the adjoint. `setup.length` may
    be traced. Beyond it every entry is False. The remedy `setup.adjoint` changes the adjoint, not the
    transport.
    """
    step, state, xs, _ = carried(step, params, state, xs)
    local, every = setup.objective.at, setup.objective.every
    recurrent = setup.recurrent
    numbers, others = split(params)
    pull = generic(lambda n, s, x, v: jax.vjp(lambda n, s: step(merged(n, others), s, x), n, s)[1](v))
    pull_state = generic(lambda n, s, x, v: jax.vjp(lambda s: step(merged(n, others), s, x), s)[1](v)[0])
    term, last = generic(local), jnp.asarray(setup.length, jnp.int32)

    def forward(way: Tree, x: Tree, t: Any) -> tuple[Tree, Tree]:
        return step(params, way, x), (way, x, jnp.asarray(t, jnp.int32))

    def start(final: Tree) -> tuple[Tree, Tree, Any]:
        ones = jax.tree.map(jnp.ones_like, final)
        return _redrawn(term(final, last)), _redrawn(ones), jnp.int32(0)

    def back(carry: tuple[Tree, Tree, Any], kept: Any) -> tuple[tuple[Tree, Tree, Any], Any]:
        adjoint, vector, lag = carry
        before, x, t = kept
        both = jax.tree.map(lambda *pair: jnp.stack(pair), adjoint, vector)
        record = None
        if recurrent is None:
            both = jax.vmap(lambda v: pull_state(numbers, before, x, v))(both)
        else:
            of_params, both = jax.vmap(lambda v: pull(numbers, before, x, v))(both)
            of_adjoint = jax.tree.map(lambda leaf: leaf[0], of_params)
            each = jnp.stack([(leaf == 0).all() for leaf in jax.tree.leaves(of_adjoint)])
            record = _all_zero(recurrent(of_adjoint)), each
        sent, vector = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in (0, 1))
        if setup.adjoint is not None:
            sent = setup.adjoint(lag + 1, Scaled(sent, jnp.int32(0))).value
        if every:
            # The initial state has no term of its own in the loss.
            own = jax.tree.map(lambda leaf: jnp.where(t > 1, leaf, 0), term(before, t - 1))
            sent = jax.tree.map(jnp.add, _redrawn(sent), own)
        return (_redrawn(sent), _redrawn(vector), lag + 1), record

    def observe(carry: tuple[Tree, Tree, Any], lag: Any) -> tuple[tuple[Tree, Tree, Any], Any]:
        return carry, (_zero_parts(carry[0]), _zero_parts(carry[1]))

    seen, passed, _ = reverse_scan(forward, start, back, observe, state, xs, setup.length)
    adjoint, transport = seen
    weights, each = (None, None) if passed is None else passed
    if each is not None:
        beyond = jnp.arange(len(each), dtype=jnp.int32) >= jnp.asarray(setup.length, jnp.int32)
        each = (each | beyond[:, None]).all(axis=0)
    return Zeros(adjoint, transport[:, :1], transport, weights, each)


def by_definition(step: Step) -> Step:
    """A step for a probe that shall find zero what is zero by definition, and only that.

    The same states; and D^T v with all that rounds to zero replaced (`generic`), and each entry that is not
    zero made a random number of size (1/4, 1). It has no forward mode.
    """

    @jax.custom_vjp
    def same(params: Tree, state: Tree, x: Tree) -> Tree:
        return step(params, state, x)

    def forward(*given: Tree) -> tuple[Tree, Tree]:
        return step(*given), given

    def back(given: Tree, cotangent: Tree) -> Tree:
        numbers, others = split(given)
        pull = generic(lambda n, v: jax.vjp(lambda n: step(*merged(n, others)), n)[1](v)[0])
        return _drawn_anew(pull(numbers, cotangent))

    same.defvjp(forward, back)
    return same


def term_by_definition(objective: Objective) -> Objective:
    """The objective with dL_t/dstate_t in that manner."""
    if objective.stepwise is not None:
        each = generic(objective.stepwise)
        return objective._replace(stepwise=lambda state, t: _drawn_anew(each(state, t)))
    term = generic(objective.cotangent)
    return objective._replace(cotangent=lambda state: _drawn_anew(term(state)))


def _drawn_anew(tree: Tree) -> Tree:
    """`_redrawn`, with others for other entries: rows that differ stay so."""
    return jax.tree.map(lambda number, leaf: number * drawn(leaf), _redrawn(tree), tree)


def _redrawn(tree: Tree) -> Tree:
    """Every entry that is not zero as a random number of size [1/2, 1), always the same."""
    leaves, structure = jax.tree.flatten(tree)
    rng = np.random.default_rng(0)

    def drawn(leaf: Any) -> Any:
        number = rng.uniform(0.5, 1, leaf.shape) * rng.choice([-1, 1], leaf.shape)
        return jnp.where(leaf == 0, 0, jnp.asarray(number, leaf.dtype))

    return jax.tree.unflatten(structure, [drawn(leaf) for leaf in leaves])


def _all_zero(tree: Tree) -> Bool[Array, ""]:
    return jnp.stack([(leaf == 0).all() for leaf in jax.tree.leaves(tree)]).all()


def _zero_parts(tree: Tree) -> Bool[Array, " part"]:
    parts = jnp.stack([(leaf == 0).all() for leaf in jax.tree.leaves(tree)])
    return parts if len(parts) == 1 else jnp.concatenate([parts.all(keepdims=True), parts])


def told_apart(states: NDArray[np.int8], zeros: NDArray[np.bool_]) -> NDArray[np.int8]:
    """States of a column with its zeros told apart: `exact_zero` by definition, or `below_precision`."""
    return np.where((states == EXACT_ZERO) & ~zeros, BELOW_PRECISION, states).astype(np.int8)

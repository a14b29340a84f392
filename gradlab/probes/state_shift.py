"""How far one rounding of the weights moves the states."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import indexing, platforms, wide
from gradlab.recurrence.linear import Linear, linear
from gradlab.recurrence.pullback import prepared, pullback
from gradlab.recurrence.scaled import largest
from gradlab.recurrence.trees import has_gradient
from gradlab.types import ProbeContext, Step

AXES = {"state_shift": ()}
FACTS = {
    "state_shift": {"meaning": "Largest distance of the states, relative, where the weights round otherwise"}
}


class Columns(NamedTuple):
    """Column of the probe."""

    state_shift: Float[Array, ""]


def state_shift(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The greatest distance, over the steps, between the states and those of weights that round otherwise.

    max over t of |state'_t - state_t| / |state_t|,     |.| the largest entry,   state' from params (1 -+ eps)

    Every norm is exact given the forward pass; this says what its states are worth themselves. It is near eps
    in a network that forgets, and near 1 in a chaotic one, where another precision gives other states. NaN
    where the forward pass is not finite.

    Reference: Higham 2002, Accuracy and stability of numerical algorithms, on the error of computed data.
    """
    x = jax.tree.map(lambda leaf: leaf[0], xs)
    weights = params, _nudged(params)
    dtype = jax.tree.leaves(state)[0].dtype
    tiny = float(np.finfo(dtype).tiny)

    def distance(here: Any, there: Any) -> Any:
        return _largest(jax.tree.map(jnp.subtract, there, here)) / jnp.maximum(_largest(here), tiny)

    begin = state, state, jnp.zeros((), dtype)
    if platforms.fixed(setup.length) and (many := _at_once(step, weights, state, x, setup.beside)):

        def onward(way: tuple[Any, Any, Any], here: tuple[Any, Any]) -> tuple[Any, None]:
            *states, worst = way
            ways = [one.states(state, *here) for one, state in zip(many, states, strict=True)]
            ends = [jax.tree.map(lambda leaf: leaf[-1], some) for some in ways]
            return (*ends, jnp.maximum(worst, largest(jax.vmap(distance)(*ways)[1:]))), None

        size = setup.beside * sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
        some = wide.segments(xs, setup.length, wide.segment_of(4 * size, at_once=True))
        return Columns(jax.lax.scan(onward, begin, some)[0][2])
    one, other = (prepared(step, some, state, x) for some in weights)

    def after(way: tuple[Any, Any, Any], x: Any) -> tuple[Any, Any, Any]:
        here, there, worst = way
        here, there = one(here, x), other(there, x)
        return here, there, jnp.maximum(worst, distance(here, there))

    def ahead(i: Any, way: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        return after(way, indexing.at(xs, i))

    if platforms.fixed(setup.length):
        given = jax.tree.map(lambda leaf: leaf[: setup.length], xs)
        end, _ = jax.lax.scan(lambda way, x: (after(way, x), None), begin, given, unroll=platforms.STEPS)
        return Columns(end[2])
    length = jnp.asarray(setup.length, jnp.int32)
    *_, worst = jax.lax.fori_loop(0, length, ahead, begin)
    return Columns(worst)


def _at_once(step: Step, weights: tuple[Any, Any], state: Any, x: Any, beside: int) -> list[Linear] | None:
    """The steps of both weights side by side, if their states can be had so."""
    found = [linear(pullback(step, some, state, x), step, some, state, x, beside) for some in weights]
    many = [one for one in found if one is not None and one.affine]
    return many if len(many) == len(found) else None


def _nudged(params: Any) -> Any:
    """Each number one rounding off, up or down."""
    rng = np.random.default_rng(0)

    def one(leaf: Any) -> Any:
        if not has_gradient(leaf):
            return leaf
        leaf = jnp.asarray(leaf)
        sign = rng.choice([-1.0, 1.0], leaf.shape) * float(np.finfo(leaf.dtype).eps)
        return leaf * jnp.asarray(1 + sign, leaf.dtype)

    return jax.tree.map(one, params)


def _largest(tree: Any) -> Float[Array, ""]:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if has_gradient(leaf)]
    return largest(jnp.stack([largest(jnp.abs(leaf)) for leaf in leaves]))

"""The Jacobian of the last state with respect to each earlier one."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gradlab.recurrence import blockwise, platforms, unitwise, wide
from gradlab.recurrence.lanczos import Tridiagonal, first_start, largest_singular_value, tridiagonalise
from gradlab.recurrence.linear import Powers, Units, linear
from gradlab.recurrence.pullback import Pullback, pullback
from gradlab.recurrence.scaled import NOT_CERTIFIED, Norm, norms, rescale
from gradlab.recurrence.scan import reverse_scan
from gradlab.recurrence.trees import turned
from gradlab.recurrence.unitwise import Blocks
from gradlab.types import ProbeContext, Scaled, Step

AXES = {"transport": ("lag", "part"), "transport_frobenius": ("lag", "part")}
FACTS = {
    "transport": {
        "meaning": "Largest singular value of dstate_T/dstate_t, of the whole state alone",
        "unit": "log10",
    },
    "transport_frobenius": {"meaning": "Frobenius norm of dstate_T/dstate_t", "unit": "log10"},
}


class Columns(NamedTuple):
    """Columns of the probe."""

    transport: Norm
    transport_frobenius: Norm


def transport(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """Largest singular value and Frobenius norm of the transport, without local losses; by lag.

    J_0 = 1,   J_{lag+1} = J_lag (dstate_t/dstate_{t-1}),   t = T - lag

    J is followed in every direction, whatever the size of the state: both norms are those of the exact
    product. The singular value is certified (`lanczos.tridiagonalise`), or marked as not computed; where no
    unit reaches another one it has a formula. The Frobenius norm of a part is that of its columns of J; the
    singular value is the whole state's.

    Reference: Bengio, Simard, Frasconi 1994, Learning long-term dependencies with gradient descent is
    difficult.
    """
    x = jax.tree.map(lambda leaf: leaf[0], xs)
    one = pullback(step, params, state, x)
    steps = linear(one, step, params, state, x, setup.beside) if platforms.fixed(setup.length) else None
    if (shape := unitwise.of(one, state, x)) is not None:
        return _of_units(one, steps if isinstance(steps, Units) else None, shape, state, xs, setup)
    return _of_rows(one, steps if isinstance(steps, Powers) else None, state, xs, setup)


def _of_rows(one: Pullback, steps: Powers | None, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The transport as a matrix, row by row."""
    flat, unravel = ravel_pytree(state)
    size = flat.size

    def start(final: Any) -> tuple[Scaled, Any]:
        return rescale(jax.vmap(unravel)(jnp.eye(size, dtype=flat.dtype))), first_start(size, flat.dtype)

    def observe(carry: tuple[Scaled, Any], lag: Any) -> tuple[tuple[Scaled, Any], tuple[Tridiagonal, Norm]]:
        jacobian, vector = carry
        matrix = jnp.concatenate([leaf.reshape(size, -1) for leaf in jax.tree.leaves(jacobian.value)], axis=1)
        frobenius = norms(jacobian)
        coefficients, vector = tridiagonalise(matrix, frobenius.square[0], vector, lag)
        return (jacobian, vector), (coefficients, frobenius)

    def back(carry: tuple[Scaled, Any], kept: Any) -> tuple[tuple[Scaled, Any], None]:
        (value, exponent), vector = carry
        pulled = blockwise.many(lambda row: one.pull(kept, row)[1], value)
        return (rescale(pulled, exponent), vector), None

    def condense(seen: tuple[Tridiagonal, Norm]) -> tuple[Norm, Norm]:
        coefficients, frobenius = seen
        largest = largest_singular_value(coefficients, size)
        square = jnp.where(largest.certified, largest.value**2, NOT_CERTIFIED)
        # Of a product with NaN there is no singular value.
        square = jnp.where(jnp.isfinite(coefficients.square), square, jnp.nan)
        return Norm(square[:, None], frobenius.exponent[:, :1]), frobenius

    if platforms.fixed(setup.length):

        def finish(vector: Any, kept: Any, jacobians: Scaled, t: Any) -> tuple[Any, Any, None]:
            lags = setup.length - jnp.append(t[:1] - 1, t)
            rows = [leaf.reshape(*leaf.shape[:2], -1) for leaf in jax.tree.leaves(jacobians.value)]
            matrices = jnp.concatenate(rows, axis=2)
            frobenius = jax.vmap(norms)(jacobians)
            # All start where the nearest one of the segment before has led to.
            some = jax.vmap(tridiagonalise, (0, 0, None, 0))
            coefficients, vectors = some(matrices, frobenius.square[:, 0], vector, lags)
            observed = condense((coefficients, frobenius))
            return jax.tree.map(lambda leaf: leaf[0], vectors), observed, None

        given, onward = one.apart()
        ways: dict[str, Any] = {}
        if steps is not None:

            def jacobians(begin: Scaled, kept: Any, t: Any) -> Any:
                rows = [leaf.reshape(size, -1) for leaf in jax.tree.leaves(begin.value)]
                found = steps.products(begin._replace(value=jnp.concatenate(rows, axis=1)), kept, t)
                return turned(found._replace(value=jax.vmap(jax.vmap(unravel))(found.value)))

            # The Jacobian is the same at every state.
            still = lambda state, xs, t: jax.tree.map(
                lambda leaf: jnp.broadcast_to(leaf, (len(t) + 1, *leaf.shape)), state
            )
            ways = {"states": still, "carries": jacobians}

        found, *_ = wide.reverse_scan(
            lambda state, given, t: onward(state, given),
            lambda final: start(final)[0],
            lambda jacobian, kept: back((jacobian, None), kept)[0][0],
            finish,
            state,
            first_start(size, flat.dtype),
            xs,
            setup.length,
            wide.segment_of(2 * size * size * flat.dtype.itemsize * setup.beside, at_once=steps is not None),
            given=given,
            **ways,
        )
        return Columns(*found)
    forward = lambda state, x, t: one.forward(state, x)
    found, *_ = reverse_scan(forward, start, back, observe, state, xs, setup.length, condense=condense)
    return Columns(*found)


def _of_units(
    one: Pullback, steps: Units | None, shape: tuple[int, ...], state: Any, xs: Any, setup: ProbeContext
) -> Columns:
    """The transport as a block for each unit: what it takes grows with the units, not with their cube."""
    blocks = functools.partial(unitwise.jacobian, state=state, shape=shape)

    def start(final: Any) -> Blocks:
        return unitwise.rescaled(blocks(lambda sent: sent))

    def back(product: Blocks, kept: Any) -> Blocks:
        slope = blocks(lambda sent: one.pull(kept, sent)[1])
        return unitwise.times(product, Blocks(slope, jnp.zeros_like(product.exponent)))

    def seen(product: Blocks) -> tuple[Norm, Norm]:
        columns = [unitwise.frobenius(part) for part in unitwise.by_leaf(product, state, shape)]
        return _stacked([unitwise.largest_singular_value(product)]), _stacked(columns)

    if steps is not None:
        given, onward = one.apart()
        product = jax.eval_shape(start, state)
        found, *_ = wide.reverse_scan(
            lambda state, given, t: onward(state, given),
            start,
            back,
            lambda held, kept, products, t: (held, jax.vmap(seen)(products), None),
            state,
            None,
            xs,
            setup.length,
            wide.segment_of(
                2 * setup.beside * sum(leaf.size * leaf.dtype.itemsize for leaf in product), at_once=True
            ),
            given=given,
            states=steps.states if steps.affine else None,
            carries=lambda begin, kept, t: turned(steps.products(begin, kept, t)),
        )
        return Columns(*found)
    found, *_ = reverse_scan(
        lambda state, x, t: one.forward(state, x),
        start,
        lambda product, kept: (back(product, kept), None),
        lambda product, lag: (product, product),
        state,
        xs,
        setup.length,
        condense=jax.vmap(seen),
    )
    return Columns(*found)


def _stacked(some: list[Norm]) -> Norm:
    """Side by side, along an axis of parts."""
    return Norm(*(jnp.stack(leaves) for leaves in zip(*some, strict=True)))

"""A loop over time of a batch of sequences, made for training.

All products of one vector are one, the input's among them: `W h + U x + b`. The gradient of all these weights
is one product after the way back: the sum over steps and sequences of `a (h, x, 1)^T`, a the gradient of that
sum. Kept of each step are the state and these sums; the rest is worked out again on the way back, which takes
less time than to write and to read it. Reverse mode only, and once: what differentiates twice loops with
`jax.lax.scan`.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from gradlab.recurrence import platforms
from gradlab.recurrence.indexing import at, columns, put
from gradlab.recurrence.stages import Stages, stages
from gradlab.recurrence.trees import merged, split
from gradlab.types import Step

Tree = Any


def states(step: Step, params: Tree, state: Tree, xs: Tree, begin: Tree | None = None) -> Tree:
    """The states after each step, (T, B, ...), of sequences `xs` (T, B, ...) that start from one state.

    With `begin` (B, ...) each starts from a state of its own, of the form of `state`.
    """
    length, batch = jax.tree.leaves(xs)[0].shape[:2]
    if begin is None:
        begin = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), state)
    one = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[0, 0], xs))
    cut = stages(step, params, state, one)
    if cut is None:
        each = jax.vmap(step, (None, 0, 0))
        return jax.lax.scan(lambda state, x: (each(params, state, x),) * 2, begin, xs)[1]
    known = dict(zip(cut.of_params, cut.once(*jax.tree.leaves(params)), strict=True))
    first = [known[var] for var in cut.for_ahead]
    own = jax.vmap(jax.vmap(lambda x: cut.ahead(*first, *jax.tree.leaves(x))))(xs)
    numbers = [leaf.reshape(length, batch, -1) for leaf in jax.tree.leaves(split(xs)[0])]
    dtype = jax.tree.leaves(begin)[0].dtype
    given = jnp.concatenate(
        [*(leaf.astype(dtype) for leaf in numbers), jnp.ones((length, batch, 1), dtype)], axis=2
    )
    matrices = _matrices(cut, known, first, one)
    after = _loop(cut, length)(
        [known[var] for var in cut.shared], matrices, given, own, jax.tree.leaves(begin)
    )
    return jax.tree.unflatten(jax.tree.structure(state), after)


def _matrices(cut: Stages, known: dict[Any, Array], first: list[Array], x: Tree) -> list[Array]:
    """Of each group the matrix that (h, x, 1) is multiplied with, (N + D + 1, K)."""
    if not cut.groups:
        return []
    numbers, others = split(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), x))
    zero, unravel = ravel_pytree(numbers)

    def added(flat: Array) -> list[Array]:
        leaves = jax.tree.leaves(merged(unravel(flat), others))
        values = known | dict(zip(cut.of_input, cut.added(*first, *leaves), strict=True))
        found = []
        for group in cut.groups:
            parts = [
                jnp.zeros(size, one.result.aval.dtype) if one.added is None else values[one.added]
                for one, size in zip(group.products, group.sizes, strict=True)
            ]
            found.append(jnp.concatenate(parts))
        return found

    offsets = added(zero)
    slopes = jax.vmap(lambda unit: jax.jvp(added, (zero,), (unit,))[1])(jnp.eye(zero.size, dtype=zero.dtype))
    found = []
    for group, slope, offset in zip(cut.groups, slopes, offsets, strict=True):
        rows = [known[one.matrix] if one.axis == 0 else known[one.matrix].T for one in group.products]
        found.append(
            jnp.concatenate([jnp.concatenate(rows, axis=1), slope.astype(offset.dtype), offset[None]])
        )
    return found


def _loop(cut: Stages, length: int) -> Callable[..., list[Array]]:
    """`(shared, matrices, given, own, begin) -> states`, the last three by time and sequence."""
    count = len(cut.groups)
    sizes = [group.vector.aval.size for group in cut.groups]
    held = [cut.state.index(group.vector) if group.vector in cut.state else None for group in cut.groups]

    def late(i: int, shared: Tree, own: Tree, state: list[Array], sums: list[list[Array]]) -> list[Array]:
        """Of each sequence the vector of a group, or what comes after all of them: the next state."""

        def one(own: Tree, state: list[Array], sums: list[list[Array]]) -> list[Array]:
            return cut.late[i](*shared, *own, *state, *itertools.chain(*sums))

        found: list[Array] = jax.vmap(one)(own, state, sums[:i])
        return found

    def product(i: int, left: Array, right: Array) -> Array:
        return jax.lax.dot_general(left, right, (((1,), (0,)), ((), ())), **cut.groups[i].settings)

    def split_at(i: int) -> list[tuple[int, int]]:
        sizes = cut.groups[i].sizes
        return list(zip(itertools.accumulate(sizes[:-1], initial=0), sizes, strict=True))

    def apart(i: int, whole: Array) -> list[Array]:
        return [whole[:, start : start + size] for start, size in split_at(i)]

    def wide_ahead(shared: Tree, matrices: Tree, given: Array, own: Tree, begin: Tree) -> tuple[Tree, Tree]:
        # Of all x and 1 beforehand; a CPU does better with one product of (h, x, 1).
        flat = given.reshape(-1, given.shape[2])
        added = [product(i, flat, matrix[sizes[i] :]) for i, matrix in enumerate(matrices)]
        added = [one.reshape(*given.shape[:2], -1) for one in added]

        def one(state: Tree, here: tuple[Tree, Tree]) -> tuple[Tree, tuple[Tree, Tree]]:
            (mine, added), sums = here, list[Array]()
            for i, matrix in enumerate(matrices):
                (vector,) = late(i, shared, mine, state, [apart(j, whole) for j, whole in enumerate(sums)])
                sums.append(product(i, vector, matrix[: sizes[i]]) + added[i])
            state = late(count, shared, mine, state, [apart(j, whole) for j, whole in enumerate(sums)])
            return state, (state, sums)

        _, (after, sums) = jax.lax.scan(one, begin, (own, added), unroll=platforms.STEPS)
        first = lambda start, some: jnp.concatenate([start[None], some])
        return jax.tree.map(first, begin, after), sums

    def ahead(shared: Tree, matrices: Tree, given: Array, own: Tree, begin: Tree) -> tuple[Tree, Tree]:
        if not platforms.on_cpu():
            return wide_ahead(shared, matrices, given, own, begin)

        def body(t: Any, loop: tuple[Tree, Tree, Tree]) -> tuple[Tree, Tree, Tree]:
            state, kept, sums = loop
            mine, here, sums = at(own, t), at(given, t), list(sums)
            seen: list[list[Array]] = []
            for i, matrix in enumerate(matrices):
                (vector,) = late(i, shared, mine, state, seen)
                whole = product(i, jnp.concatenate([vector, here], axis=1), matrix)
                sums[i] = put(sums[i], t, whole)
                seen.append(apart(i, whole))
            state = late(count, shared, mine, state, seen)
            return state, put(kept, t + 1, state), sums

        batch = given.shape[1]
        kept = put([jnp.zeros((length + 1, *leaf.shape), leaf.dtype) for leaf in begin], jnp.int32(0), begin)
        sums = [jnp.zeros((length, batch, matrix.shape[1]), matrix.dtype) for matrix in matrices]
        _, kept, sums = jax.lax.fori_loop(jnp.int32(0), jnp.int32(length), body, (begin, kept, sums))
        return kept, sums

    def in_place(
        step: Callable[..., Any], start: Tree, given: Array, inputs: Tree, sums: list[Array]
    ) -> tuple[Tree, Tree]:
        """The way back on a CPU: the gradients of the sums take the place of the sums."""
        # Where nothing else may still want to read them: else XLA copies them.
        alone = count == 1

        def body(k: Any, loop: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
            t = length - 1 - k
            carry, (of_inputs, rows, vectors) = loop
            # Each is read by itself: XLA does not vectorise what reads several pieces of one array.
            seen = [
                [columns(buffer, t, *which) for which in split_at(i)]
                for i, buffer in enumerate(rows if alone else sums)
            ]
            carry, made = step(carry, t, seen)
            return carry, put((of_inputs, rows, vectors), t, made)

        vectors = [
            jnp.zeros((*given.shape[:2], size), given.dtype) if place is None else None
            for place, size in zip(held, sizes, strict=True)
        ]
        buffers = _nothing(inputs), sums if alone else _nothing(sums), vectors
        loop: tuple[Tree, Tree] = jax.lax.fori_loop(jnp.int32(0), jnp.int32(length), body, (start, buffers))
        return loop

    @jax.custom_vjp
    def run(shared: Tree, matrices: Tree, given: Array, own: Tree, begin: Tree) -> list[Array]:
        return [leaf[1:] for leaf in ahead(shared, matrices, given, own, begin)[0]]

    def forward(
        shared: Tree, matrices: Tree, given: Array, own: Tree, begin: Tree
    ) -> tuple[list[Array], Tree]:
        kept, sums = ahead(shared, matrices, given, own, begin)
        return [leaf[1:] for leaf in kept], (shared, matrices, given, own, kept, sums)

    def backward(residuals: Tree, cotangent: list[Array]) -> tuple[Tree, ...]:
        shared, matrices, given, own, kept, sums = residuals
        (weights, other_weights), (inputs, other_inputs) = split(shared), split(own)
        turned = [matrix[:size].T for matrix, size in zip(matrices, sizes, strict=True)]

        def one(
            carry: tuple[Tree, Tree], here: tuple[Tree, ...]
        ) -> tuple[tuple[Tree, Tree], tuple[Tree, ...]]:
            """A step back: what it sends and adds to weights; gradients of its input, sums and vectors."""
            (sent, of_weights), (cotangent, state, inputs, others, seen) = carry, here
            sent = _sum(sent, cotangent)

            def pullback(i: int) -> Any:
                def one(weights: Tree, mine: Tree, state: Tree, seen: Tree) -> list[Array]:
                    return late(i, merged(weights, other_weights), merged(mine, others), state, seen)

                return jax.vjp(one, weights, inputs, state, seen[:i])

            rows, vectors = list[Array](), list[Array | None]()
            of_step, of_input, sent, of_sums = pullback(count)[1](sent)
            for i in reversed(range(count)):
                rows.append(jnp.concatenate(of_sums[i], axis=1))
                back = product(i, rows[-1], turned[i])
                if (place := held[i]) is not None:
                    sent = [leaf + back if j == place else leaf for j, leaf in enumerate(sent)]
                    vectors.append(None)
                    continue
                (vector,), pull = pullback(i)
                vectors.append(vector)
                found = of_step, of_input, sent, of_sums[:i]
                of_step, of_input, sent, of_sums = _sum(found, pull([back]))
            return (sent, _sum(of_weights, of_step)), (of_input, rows[::-1], vectors[::-1])

        start = _nothing(at(kept, jnp.int32(0))), _nothing(weights)
        if platforms.on_cpu():
            step = lambda carry, t, seen: one(
                carry, (at(cotangent, t), at(kept, t), at(inputs, t), at(other_inputs, t), seen)
            )
            (sent, of_weights), (of_inputs, rows, vectors) = in_place(step, start, given, inputs, sums)
        else:

            def wide_one(carry: Tree, here: tuple[Tree, ...]) -> tuple[Tree, Tree]:
                seen = [apart(i, whole) for i, whole in enumerate(here[-1])]
                return one(carry, (*here[:-1], seen))

            there = cotangent, [leaf[:-1] for leaf in kept], inputs, other_inputs, sums
            (sent, of_weights), (of_inputs, rows, vectors) = jax.lax.scan(
                wide_one, start, there, reverse=True, unroll=platforms.STEPS
            )
        of_matrices, of_given = [], _nothing(given)
        for i, (place, size) in enumerate(zip(held, sizes, strict=True)):
            whole = jnp.concatenate([vectors[i] if place is None else kept[place][:-1], given], axis=2)
            row = rows[i].reshape(-1, rows[i].shape[2])
            of_matrices.append(product(i, whole.reshape(-1, whole.shape[2]).T, row))
            of_given += product(i, row, matrices[i][size:].T).reshape(given.shape)
        all_weights = merged(of_weights, _no_gradient(other_weights))
        all_inputs = merged(of_inputs, _no_gradient(other_inputs))
        return all_weights, of_matrices, of_given, all_inputs, sent

    run.defvjp(forward, backward)
    return run


def _nothing(tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), tree)


def _no_gradient(tree: Tree) -> Tree:
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, jax.dtypes.float0), tree)


def _sum(left: Tree, right: Tree) -> Tree:
    return jax.tree.map(jnp.add, left, right)

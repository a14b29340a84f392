"""A loop over time of a batch of sequences, made for training.

What inputs add to each step is worked out before the loop. The gradient of a matrix of weights is one
product after the way back: the sum over steps and sequences of `a h^T`, a the gradient of `W h + ...`. Kept
of each step are the state and these sums; the rest is worked out again on the way back, which takes less
time than to write and to read it. Reverse mode only, and once: what differentiates twice loops with
`jax.lax.scan`.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gradlab.recurrence.stages import Stages, stages
from gradlab.recurrence.trees import merged, split
from gradlab.types import Step

Tree = Any


def states(step: Step, params: Tree, state: Tree, xs: Tree) -> Tree:
    """The states after each step, (T, B, ...), of sequences `xs` (T, B, ...) that start from one state."""
    length, batch = jax.tree.leaves(xs)[0].shape[:2]
    begin = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), state)
    one = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[0, 0], xs))
    cut = stages(step, params, state, one)
    if cut is None:
        each = jax.vmap(step, (None, 0, 0))
        return jax.lax.scan(lambda state, x: (each(params, state, x),) * 2, begin, xs)[1]
    known = dict(zip(cut.of_params, cut.once(*jax.tree.leaves(params)), strict=True))
    first = [known[var] for var in cut.for_ahead]
    of_input = jax.vmap(jax.vmap(lambda x: cut.ahead(*first, *jax.tree.leaves(x))))(xs)
    known |= dict(zip(cut.of_input, of_input, strict=True))
    matrices, sums = [], []
    for group in cut.groups:
        oriented = [known[one.matrix] if one.axis == 0 else known[one.matrix].T for one in group.products]
        matrices.append(jnp.concatenate(oriented, axis=1))
        added = []
        for one, size in zip(group.products, group.sizes, strict=True):
            like = jnp.zeros(size, one.result.aval.dtype) if one.added is None else known[one.added]
            added.append(jnp.broadcast_to(like, (length, batch, size)))
        sums.append(jnp.concatenate(added, axis=2))
    shared, own = ([known[var] for var in some] for some in (cut.shared, cut.own))
    after = _loop(cut, length)(shared, matrices, sums, own, jax.tree.leaves(begin))
    return jax.tree.unflatten(jax.tree.structure(state), after)


def _loop(cut: Stages, length: int) -> Callable[..., list[Array]]:
    """`(shared, matrices, sums, own, begin) -> states`, all by time and sequence but the first two.

    `sums` are what is added to each group's products; the loop writes there the sums themselves.
    """
    count = len(cut.groups)
    held = [cut.state.index(group.vector) if group.vector in cut.state else None for group in cut.groups]

    def late(i: int, shared: Tree, own: Tree, state: list[Array], sums: list[list[Array]]) -> list[Array]:
        """Of each sequence the vector of a group, or what comes after all of them: the next state."""
        each = lambda own, state, sums: cut.late[i](*shared, *own, *state, *itertools.chain(*sums))
        found: list[Array] = jax.vmap(each)(own, state, sums[:i])
        return found

    def product(i: int, left: Array, right: Array) -> Array:
        return jax.lax.dot_general(left, right, (((1,), (0,)), ((), ())), **cut.groups[i].settings)

    def parts(i: int, buffer: Array, t: Any) -> list[Array]:
        # Each is read by itself: XLA does not vectorise what reads several pieces of one intermediate array.
        sizes = cut.groups[i].sizes
        starts = itertools.accumulate(sizes[:-1], initial=0)
        return [_columns(buffer, t, start, size) for start, size in zip(starts, sizes, strict=True)]

    def ahead(shared: Tree, matrices: Tree, sums: Tree, own: Tree, begin: Tree) -> tuple[Tree, Tree]:
        def body(t: Any, loop: tuple[Tree, Tree, Tree]) -> tuple[Tree, Tree, Tree]:
            state, kept, sums = loop
            mine, sums = _at(own, t), list(sums)
            seen: list[list[Array]] = []
            for i, matrix in enumerate(matrices):
                (vector,) = late(i, shared, mine, state, seen)
                sums[i] = _put(sums[i], t, _at(sums[i], t) + product(i, vector, matrix))
                seen.append(parts(i, sums[i], t))
            state = late(count, shared, mine, state, seen)
            return state, _put(kept, t + 1, state), sums

        kept = _put([jnp.zeros((length + 1, *leaf.shape), leaf.dtype) for leaf in begin], jnp.int32(0), begin)
        _, kept, sums = jax.lax.fori_loop(jnp.int32(0), jnp.int32(length), body, (begin, kept, sums))
        return kept, sums

    @jax.custom_vjp
    def run(shared: Tree, matrices: Tree, sums: Tree, own: Tree, begin: Tree) -> list[Array]:
        return [leaf[1:] for leaf in ahead(shared, matrices, sums, own, begin)[0]]

    def forward(shared: Tree, matrices: Tree, sums: Tree, own: Tree, begin: Tree) -> tuple[list[Array], Tree]:
        kept, sums = ahead(shared, matrices, sums, own, begin)
        return [leaf[1:] for leaf in kept], (shared, matrices, sums, own, kept)

    def backward(residuals: Tree, cotangent: list[Array]) -> tuple[Tree, ...]:
        shared, matrices, sums, own, kept = residuals
        (weights, other_weights), (inputs, other_inputs) = split(shared), split(own)
        turned = [matrix.T for matrix in matrices]

        def body(k: Any, loop: tuple[Tree, ...]) -> tuple[Tree, ...]:
            t = length - 1 - k
            sent, of_weights, of_inputs, rows, vectors = loop
            rows, vectors = list(rows), list(vectors)
            sent, state = _sum(sent, _at(cotangent, t)), _at(kept, t)
            seen = [parts(i, buffer, t) for i, buffer in enumerate(sums)]
            others = _at(other_inputs, t)

            def pullback(i: int) -> Any:
                def one(weights: Tree, mine: Tree, state: Tree, seen: Tree) -> list[Array]:
                    return late(i, merged(weights, other_weights), merged(mine, others), state, seen)

                return jax.vjp(one, weights, _at(inputs, t), state, seen[:i])

            of_step, of_input, sent, of_sums = pullback(count)[1](sent)
            for i in reversed(range(count)):
                row = jnp.concatenate(of_sums[i], axis=1)
                rows[i] = _put(rows[i], t, row)
                back = product(i, row, turned[i])
                if (place := held[i]) is not None:
                    sent = [leaf + back if j == place else leaf for j, leaf in enumerate(sent)]
                    continue
                (vector,), pull = pullback(i)
                vectors[i] = _put(vectors[i], t, vector)
                found = of_step, of_input, sent, of_sums[:i]
                of_step, of_input, sent, of_sums = _sum(found, pull([back]))
            return sent, _sum(of_weights, of_step), _put(of_inputs, t, of_input), rows, vectors

        nothing = lambda tree: jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), tree)
        batch = kept[0].shape[1:2]
        vectors = [
            jnp.zeros((length, *batch, *group.vector.aval.shape), group.vector.aval.dtype)
            if place is None
            else None
            for place, group in zip(held, cut.groups, strict=True)
        ]
        # In the place of the sums where nothing else may still want to read them: else XLA copies them.
        rows = sums if count == 1 else nothing(sums)
        start = nothing(_at(kept, jnp.int32(0))), nothing(weights), nothing(inputs), rows, vectors
        sent, of_weights, of_inputs, rows, vectors = jax.lax.fori_loop(
            jnp.int32(0), jnp.int32(length), body, start
        )
        columns = [
            vector if place is None else kept[place][:-1] for place, vector in zip(held, vectors, strict=True)
        ]
        of_matrices = [
            product(i, column.reshape(-1, column.shape[-1]).T, row.reshape(-1, row.shape[-1]))
            for i, (column, row) in enumerate(zip(columns, rows, strict=True))
        ]
        none = lambda tree: jax.tree.map(lambda leaf: np.zeros(leaf.shape, jax.dtypes.float0), tree)
        all_weights, all_inputs = (
            merged(of_weights, none(other_weights)),
            merged(of_inputs, none(other_inputs)),
        )
        return all_weights, of_matrices, rows, all_inputs, sent

    run.defvjp(forward, backward)
    return run


def _at(tree: Tree, t: Any) -> Tree:
    """Step t of each leaf; no index is negative, and asking for it would be an operation of its own."""

    def one(leaf: Array) -> Array:
        start = (t, *[jnp.zeros_like(t)] * (leaf.ndim - 1))
        found: Array = jax.lax.dynamic_slice(leaf, start, (1, *leaf.shape[1:]), allow_negative_indices=False)
        return found[0]

    return jax.tree.map(one, tree)


def _columns(leaf: Array, t: Any, start: int, size: int) -> Array:
    where, sizes = (t, jnp.zeros_like(t), jnp.asarray(start, t.dtype)), (1, leaf.shape[1], size)
    found: Array = jax.lax.dynamic_slice(leaf, where, sizes, allow_negative_indices=False)
    return found[0]


def _put(buffers: Tree, t: Any, items: Tree) -> Tree:
    def one(buffer: Array, item: Array) -> Array:
        start = (t, *[jnp.zeros_like(t)] * item.ndim)
        return jax.lax.dynamic_update_slice(buffer, item[None], start, allow_negative_indices=False)

    return jax.tree.map(one, buffers, items)


def _sum(left: Tree, right: Tree) -> Tree:
    return jax.tree.map(jnp.add, left, right)

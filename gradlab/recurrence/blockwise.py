"""Many vectors sent back through one step: through its Jacobian in blocks, where that takes fewer products.

Row by row a gated cell multiplies with the recurrent matrix of each of its gates. But what is sent back comes
from few vectors u, and so the products of gates are one: (u a) W_1 + (u b) W_2 = u (a W_1 + b W_2), where a
and b are diagonal. For an LSTM all rows together take half of the multiplications.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend import core

from gradlab.recurrence.cutting import function, variables

Tree = Any
GAIN = 0.8
"""Of the multiplications row by row, those of blocks are at most so many, or rows it is."""


class Block(NamedTuple):
    """A linear map of row vectors, u -> u diagonal + u matrix; None where there is no such part."""

    diagonal: Array | None
    matrix: Array | None


Linear = dict[int, Block]
"""A vector as a sum over the leaves of what is sent."""


class Unfit(Exception):
    """The pullback is no sum of diagonals and matrices."""


def many(pull: Callable[[Tree], Tree], rows: Tree) -> Tree:
    """`vmap(pull)(rows)` of a linear function of trees, with rows along the first axis of each leaf.

    By blocks the result rounds otherwise than row by row, by no more than its products do.
    """
    leaves, structure = jax.tree.flatten(rows)
    like = jax.tree.unflatten(structure, [leaf[0] for leaf in leaves])
    closed, shape = jax.make_jaxpr(pull, return_shape=True)(like)
    count = len(leaves[0])
    try:
        made = _Composer()
        found = made.run(closed.jaxpr, closed.consts, [_unit(i, leaf) for i, leaf in enumerate(leaves)])
        # What depends on nothing that is sent is zero, as the pullback is linear.
        blocks = [one if isinstance(one, dict) else {} for one in found]
    except Unfit:
        return jax.vmap(pull)(rows)
    products = sum(one.matrix.size for each in blocks for one in each.values() if one.matrix is not None)
    if made.multiplied + count * products > GAIN * count * made.by_row:
        return jax.vmap(pull)(rows)
    precision = next(iter(made.precisions), None)
    sent = [
        _applied(each, leaves, (count, *form.shape), form.dtype, precision)
        for each, form in zip(blocks, jax.tree.leaves(shape), strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(shape), sent)


def _unit(i: int, leaf: Array) -> Linear:
    if leaf.ndim != 2 or not jnp.issubdtype(leaf.dtype, jnp.floating):
        raise Unfit
    return {i: Block(jnp.ones(leaf.shape[1], leaf.dtype), None)}


def _applied(each: Linear, leaves: list[Array], shape: tuple[int, ...], dtype: Any, precision: Any) -> Array:
    parts = [leaves[i] * one.diagonal[None] for i, one in each.items() if one.diagonal is not None]
    dense = [i for i, one in each.items() if one.matrix is not None]
    if dense:
        # One product of them all.
        left = jnp.concatenate([leaves[i] for i in dense], axis=1)
        right = jnp.concatenate([jnp.asarray(each[i].matrix) for i in dense])
        parts.append(jnp.matmul(left, right, precision=precision))
    return sum(parts[1:], parts[0]) if parts else jnp.zeros(shape, dtype)


class _Composer:
    """Follows the blocks through a program, and counts the multiplications in products."""

    def __init__(self) -> None:
        self.by_row, self.multiplied = 0, 0
        self.precisions: set[Any] = set()
        """Those that the step asks for in its products; blocks have one for all."""

    def run(self, jaxpr: Any, consts: list[Any], given: list[Any]) -> list[Any]:
        known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *given], strict=True))
        for eqn in jaxpr.eqns:
            ins = [var.val if isinstance(var, core.Literal) else known[var] for var in eqn.invars]
            if any(isinstance(one, dict) for one in ins):
                outs = self._of(eqn, ins)
            else:
                needed = list(dict.fromkeys(variables(eqn.invars)))
                outs = function(jaxpr, [eqn], needed, eqn.outvars)(*(known[var] for var in needed))
            known |= zip(eqn.outvars, outs, strict=True)
        return [var.val if isinstance(var, core.Literal) else known[var] for var in jaxpr.outvars]

    def _of(self, eqn: Any, ins: list[Any]) -> list[Any]:
        moved = [isinstance(one, dict) for one in ins]
        name = eqn.primitive.name
        if name in ("jit", "pjit"):
            inner = eqn.params["jaxpr"]
            return self.run(inner.jaxpr, inner.consts, ins)
        forms = {(var.aval.shape, var.aval.dtype) for var, one in zip(eqn.invars, moved, strict=True) if one}
        form = eqn.outvars[0].aval
        if name in ("neg", "copy", "convert_element_type"):
            if forms != {(form.shape, form.dtype)}:
                raise Unfit
            return [_negative(ins[0]) if name == "neg" else ins[0]]
        if name in ("add", "add_any", "sub") and all(moved):
            return [_sum(ins[0], _negative(ins[1]) if name == "sub" else ins[1])]
        if name == "mul" and sum(moved) == 1:
            vector, factor = ins if moved[0] else ins[::-1]
            return [_scaled(vector, factor)]
        if name == "dot_general" and sum(moved) == 1:
            return [self._product(eqn, *(ins if moved[0] else ins[::-1]), first=moved[0])]
        raise Unfit

    def _product(self, eqn: Any, vector: Linear, matrix: Any, *, first: bool) -> Linear:
        contracted, batch = eqn.params["dimension_numbers"]
        (own,), (other,) = contracted if first else contracted[::-1]
        if any(batch) or own != 0 or matrix.ndim != 2 or eqn.outvars[0].aval.ndim != 1:
            raise Unfit
        if matrix.dtype != eqn.outvars[0].aval.dtype:
            raise Unfit
        rows = matrix if other == 0 else matrix.T
        self.by_row += rows.size
        self.precisions.add(eqn.params["precision"])
        if len(self.precisions) > 1:
            raise Unfit

        def one(block: Block) -> Block:
            parts = [] if block.diagonal is None else [block.diagonal[:, None] * rows]
            if block.matrix is not None:
                self.multiplied += block.matrix.shape[0] * rows.size
                parts.append(jnp.matmul(block.matrix, rows, precision=eqn.params["precision"]))
            return Block(None, sum(parts[1:], parts[0]))

        return {i: one(block) for i, block in vector.items()}


def _scaled(vector: Linear, factor: Any) -> Linear:
    """Every entry times its own factor, or all times one."""
    whole = jnp.ndim(factor) == 0

    def one(block: Block) -> Block:
        diagonal, matrix = block
        return Block(
            None if diagonal is None else diagonal * factor,
            None if matrix is None else matrix * (factor if whole else factor[None]),
        )

    return {i: one(block) for i, block in vector.items()}


def _negative(vector: Linear) -> Linear:
    turned: Linear = jax.tree.map(jnp.negative, vector)
    return turned


def _sum(left: Linear, right: Linear) -> Linear:
    def added(a: Array | None, b: Array | None) -> Array | None:
        return b if a is None else a if b is None else a + b

    empty = Block(None, None)
    pairs = {i: (left.get(i, empty), right.get(i, empty)) for i in {**left, **right}}
    return {i: Block(added(a[0], b[0]), added(a[1], b[1])) for i, (a, b) in pairs.items()}

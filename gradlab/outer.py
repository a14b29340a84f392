"""The norm of a gradient that is made of outer products, without forming them."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend import core

from gradlab import powers
from gradlab.unroll import DEAD, Norm, rescale

Tree = Any
Piece = tuple[Array, ...]
"""`(whole,)`, or `(left, right)` of an outer product: its squared norm is the product of theirs."""

JOINS = ("concatenate", "stack")
MOVES = ("transpose", "reshape", "squeeze", "expand_dims", "broadcast_in_dim", "rev", "copy")
"""What moves numbers without changing them, if there are as many after it as before."""


def pieces(f: Callable[..., Tree], *args: Tree) -> list[Piece]:
    """All leaves of `f(*args)`, cut where they are outer products: |f|^2 = sum over pieces of |l|^2 |r|^2.

    The gradient of W in W h is g h^T, N^2 numbers of which the norm needs 2 N. What is made in another way
    stays whole.
    """
    closed = jax.make_jaxpr(f)(*args)
    made = {var: eqn for eqn in closed.jaxpr.eqns for var in eqn.outvars}
    found: list[tuple[Any, ...]] = []

    def cut(var: Any) -> None:
        eqn = None if isinstance(var, core.Literal) else made.get(var)
        if eqn is not None and eqn.primitive.name in JOINS:
            for part in eqn.invars:
                cut(part)
        elif eqn is not None and eqn.primitive.name in MOVES and _size(eqn.invars[0]) == _size(var):
            cut(eqn.invars[0])
        elif eqn is not None and _is_outer(eqn):
            found.append(tuple(eqn.invars))
        else:
            found.append((var,))

    for var in closed.jaxpr.outvars:
        cut(var)
    wanted = [var for piece in found for var in piece]
    part = core.ClosedJaxpr(closed.jaxpr.replace(outvars=wanted), closed.consts)
    values = iter(core.jaxpr_as_fun(part)(*jax.tree.leaves(args)))
    return [tuple(next(values) for _ in piece) for piece in found]


def norm(cut: list[Piece], exponent: Any) -> Norm:
    """The norm of all pieces times 2**exponent; factors are scaled one by one, so that no square is lost."""
    found = []
    for piece in cut:
        scaled = [rescale(factor) for factor in piece]
        square = functools.reduce(jnp.multiply, [jnp.sum(part.value * part.value) for part in scaled])
        # An exact zero keeps its place below everything, whatever it is multiplied with.
        power = jnp.where(square == 0, DEAD, exponent + sum(part.exponent for part in scaled))
        found.append(Norm(square, power.astype(jnp.int32)))
    if len(found) == 1:
        return found[0]
    top = jnp.stack([piece.exponent for piece in found]).max()
    # What is further below than the smallest normal number adds nothing.
    drops = [jnp.maximum(piece.exponent - top, -1000) for piece in found]
    squares = [
        piece.square * powers.two_to(2 * drop, piece.square.dtype)
        for piece, drop in zip(found, drops, strict=True)
    ]
    return Norm(functools.reduce(jnp.add, squares), top)


def _is_outer(eqn: Any) -> bool:
    if eqn.primitive.name != "dot_general":
        return False
    contracted, batch = eqn.params["dimension_numbers"]
    dtypes = {var.aval.dtype for var in (*eqn.invars, *eqn.outvars)}
    return not any((*contracted, *batch)) and len(dtypes) == 1


def _size(var: Any) -> int:
    return math.prod(var.aval.shape)

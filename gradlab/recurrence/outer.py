"""Gradients that are made of outer products: their norms, and their sums over steps, without forming them."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend import core

from gradlab.recurrence import powers
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, rescale
from gradlab.recurrence.trees import constant
from gradlab.types import Scaled

Tree = Any
Piece = tuple[Array, ...]
"""`(whole,)`, or `(left, right)` of an outer product: its squared norm is the product of theirs."""

JOINS = ("concatenate", "stack")
LARGE = 2**13
"""Numbers of whole gradients that are added at once, of all steps together."""
MOVES = ("transpose", "reshape", "squeeze", "expand_dims", "broadcast_in_dim", "rev", "copy")
"""What moves numbers without changing them, if there are as many after it as before."""


def pieces(f: Callable[..., Tree], *args: Tree) -> list[Piece]:
    """All leaves of `f(*args)`, cut where they are outer products: |f|^2 = sum over pieces of |l|^2 |r|^2.

    The gradient of W in W h is g h^T, N^2 numbers of which the norm needs 2 N. What is made in another way
    stays whole.
    """
    return _cut(jax.make_jaxpr(f)(*args))[0](*jax.tree.leaves(args))


class _Leaf(NamedTuple):
    """How an array is put together from some of the pieces."""

    pieces: list[int]
    together: Callable[..., list[Array]]


def _cut(closed: Any) -> tuple[Callable[..., list[Piece]], list[_Leaf]]:
    """From a program: what gives the pieces of its results, and how each result is put together."""
    made = {var: eqn for eqn in closed.jaxpr.eqns for var in eqn.outvars}
    found: dict[Any, tuple[Any, ...]] = {}

    def cut(var: Any, ends: dict[Any, None], way: list[Any]) -> None:
        if isinstance(var, core.Literal):
            # A gradient is linear in what is sent back: a constant in it is the 0 of what has no effect.
            return
        eqn = made.get(var)
        if eqn is not None and (
            eqn.primitive.name in JOINS
            or (eqn.primitive.name in MOVES and _size(eqn.invars[0]) == _size(var))
        ):
            for part in eqn.invars:
                cut(part, ends, way)
            way.append(eqn)
        else:
            found[var] = tuple(eqn.invars) if eqn is not None and _is_outer(eqn) else (var,)
            ends[var] = None

    leaves = []
    for out in closed.jaxpr.outvars:
        ends: dict[Any, None] = {}
        way: list[Any] = []
        cut(out, ends, way)
        tail = closed.jaxpr.replace(constvars=[], invars=list(ends), outvars=[out], eqns=way)
        together = core.jaxpr_as_fun(core.ClosedJaxpr(tail, []))
        leaves.append(_Leaf([list(found).index(var) for var in ends], together))
    wanted = [var for piece in found.values() for var in piece]
    part = core.ClosedJaxpr(closed.jaxpr.replace(outvars=wanted), closed.consts)

    def evaluate(*leaves: Any) -> list[Piece]:
        values = iter(core.jaxpr_as_fun(part)(*leaves))
        return [tuple(next(values) for _ in piece) for piece in found.values()]

    return evaluate, leaves


class Sum(NamedTuple):
    """A sum of gradients over steps; outer products of many steps are one matrix product."""

    start: Callable[[Any], list[Scaled]]
    """`mapped -> total`: nothing yet."""
    add: Callable[..., list[Scaled]]
    """`(total, arguments, exponent) -> total`: many steps at once, along a leading axis of all."""
    leaves: Callable[[list[Scaled]], list[Scaled]]
    """The sum, leaf by leaf."""
    together: Callable[[int], int]
    """How many steps to add at once, of so many at the most: few where whole gradients are large."""


def summing(g: Callable[..., Tree], *like: Tree) -> Sum:
    """A sum over steps of `g(*arguments) * 2**exponent`; arguments are of the form of `like`.

    What is an outer product at each step is a matrix product of as many rows as there are steps.
    """
    # Traced once, here: all that is added is evaluated.
    evaluate, made = _cut(jax.make_jaxpr(g)(*like))
    forms = jax.eval_shape(evaluate, *jax.tree.leaves(like))
    whole = [len(form) == 1 for form in forms]

    def start(mapped: Any) -> list[Scaled]:
        dead = ZERO_EXPONENT + mapped.astype(jnp.int32)
        shapes = [sum((factor.shape for factor in form), ()) for form in forms]
        return [
            Scaled(constant(0, mapped, shape, form[0].dtype), dead)
            for shape, form in zip(shapes, forms, strict=True)
        ]

    def add(total: list[Scaled], arguments: Tree, exponent: Any) -> list[Scaled]:
        parts = jax.vmap(lambda arguments: evaluate(*jax.tree.leaves(arguments)))(arguments)
        found = [
            _summed(jax.vmap(rescale)(part[0], exponent)) if alone else _product((part[0], part[1]), exponent)
            for part, alone in zip(parts, whole, strict=True)
        ]
        return [_more(known, part) for known, part in zip(total, found, strict=True)]

    def together(most: int) -> int:
        # What is no larger than a factor is no reason to multiply fewer of them at a time.
        factor = max((part.size for form in forms if len(form) > 1 for part in form), default=0)
        size = sum(int(form[0].size) for form in forms if len(form) == 1 and form[0].size > factor)
        return max(1, min(most, LARGE // max(size, 1)))

    def leaves(total: list[Scaled]) -> list[Scaled]:
        found = []
        for leaf in made:
            if not leaf.pieces:
                found.append(Scaled(leaf.together()[0], jnp.int32(ZERO_EXPONENT)))
                continue
            some = [total[i] for i in leaf.pieces]
            top = jnp.stack([piece.exponent for piece in some]).max()
            aligned = [piece.value * powers.two_to(piece.exponent - top, piece.value.dtype) for piece in some]
            found.append(Scaled(leaf.together(*aligned)[0], top))
        return found

    return Sum(start, add, leaves, together)


def _summed(parts: Scaled) -> Scaled:
    """The sum over the leading axis, at the largest exponent."""
    top = parts.exponent.max()
    shares = powers.two_to(parts.exponent - top, parts.value.dtype)
    return Scaled(jnp.tensordot(shares, parts.value, axes=1), top)


def _product(factors: tuple[Array, Array], exponent: Any) -> Scaled:
    """The sum over steps of left x right x 2**exponent; each factor is scaled before it is multiplied."""
    rows, columns = (jax.vmap(rescale)(factor) for factor in factors)
    # An exact zero stays below everything.
    dead = (rows.exponent == ZERO_EXPONENT) | (columns.exponent == ZERO_EXPONENT)
    power = jnp.where(dead, ZERO_EXPONENT, exponent + rows.exponent + columns.exponent)
    top = power.max()
    shares = powers.two_to(power - top, rows.value.dtype)
    left, right = rows.value, columns.value
    # What several products share is scaled once: of two factors, the smaller one takes the shares.
    if left.size < right.size:
        left = left * shares.reshape(-1, *(1,) * (left.ndim - 1))
    else:
        right = right * shares.reshape(-1, *(1,) * (right.ndim - 1))
    return Scaled(jnp.tensordot(left, right, axes=(0, 0)), top)


def _more(total: Scaled, part: Scaled) -> Scaled:
    """The sum of two scaled arrays, at the larger exponent; its entries may grow to the number of parts."""
    top = jnp.maximum(total.exponent, part.exponent)
    own, others = (powers.two_to(some.exponent - top, some.value.dtype) for some in (total, part))
    return Scaled(total.value * own + part.value * others, top)


def norm(cut: list[Piece], exponent: Any) -> Norm:
    """The norm of all pieces times 2**exponent; factors are scaled one by one, so that no square is lost."""
    found = []
    for piece in cut:
        scaled = [rescale(factor) for factor in piece]
        square = functools.reduce(jnp.multiply, [jnp.sum(part.value * part.value) for part in scaled])
        # An exact zero keeps its place below everything, whatever it is multiplied with.
        power = jnp.where(square == 0, ZERO_EXPONENT, exponent + sum(part.exponent for part in scaled))
        found.append(Norm(square, power.astype(jnp.int32)))
    if len(found) < 2:
        return found[0] if found else Norm(jnp.zeros(()), jnp.int32(ZERO_EXPONENT))
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

"""Gradients that are made of outer products: their norms, and their sums over steps, without forming them."""

import collections
import functools
import itertools
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


class _Part(NamedTuple):
    """A piece of a gradient, or several of one leaf that are joined to one: they have a factor in common."""

    vars: list[Any]
    factors: list[list[Any]]
    """Of the piece `(whole,)` or `(left, right)` the arrays that are joined, at most one of both several."""

    def piece(self, known: dict[Any, Array]) -> Piece:
        """The piece, from all factors."""
        return tuple(_joined([known[var] for var in some]) for some in self.factors)

    def apart(self, whole: Array) -> list[Array]:
        """The parts again, of a sum of such pieces."""
        if len(self.vars) == 1:
            return [whole]
        several = [len(some) > 1 for some in self.factors].index(True)
        axis = sum(some[0].aval.ndim for some in self.factors[:several])
        ends = list(itertools.accumulate(_size(var) for var in self.factors[several]))[:-1]
        cut = jnp.split(whole, ends, axis)
        return [part.reshape(var.aval.shape) for part, var in zip(cut, self.vars, strict=True)]


class _Leaf(NamedTuple):
    """How an array is put together from some of what the pieces are taken apart into."""

    vars: list[Any]
    together: Callable[..., list[Array]]


def _cut(closed: Any) -> tuple[Callable[..., list[Piece]], list[_Part], list[_Leaf]]:
    """From a program: what gives its results' pieces, what these are, and how each result is put together."""
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
        leaves.append(_Leaf(list(ends), core.jaxpr_as_fun(core.ClosedJaxpr(tail, []))))
    parts = _parts(found, leaves)
    wanted = list(dict.fromkeys(var for factors in found.values() for var in factors))
    program = core.ClosedJaxpr(closed.jaxpr.replace(outvars=wanted), closed.consts)

    def evaluate(*leaves: Any) -> list[Piece]:
        known = dict(zip(wanted, core.jaxpr_as_fun(program)(*leaves), strict=True))
        return [part.piece(known) for part in parts]

    return evaluate, parts, leaves


def _parts(found: dict[Any, tuple[Any, ...]], leaves: list[_Leaf]) -> list[_Part]:
    """The pieces, those of one leaf with a factor in common as one: of all gates (a_1 .. a_K) h^T.

    Of different leaves none are joined: they would share an exponent, and lose what is far below the larger.
    """
    uses = collections.Counter(var for leaf in leaves for var in leaf.vars)
    groups: dict[Any, dict[Any, int]] = {}
    for i, leaf in enumerate(leaves):
        seen = collections.Counter(where for var in leaf.vars for where in enumerate(found[var]))
        for var in leaf.vars:
            side, common = max(enumerate(found[var]), key=seen.__getitem__)
            alike = i, str(var.aval.dtype), (side, common) if len(found[var]) > 1 else None
            groups.setdefault(alike if uses[var] == 1 else var, {})[var] = side
    parts = []
    for group in groups.values():
        factors = [list(column) for column in zip(*(found[var] for var in group), strict=True)]
        if len(factors) > 1:
            side = next(iter(group.values()))
            factors[side] = factors[side][:1]
        parts.append(_Part(list(group), factors))
    return parts


def _joined(some: list[Array]) -> Array:
    return some[0] if len(some) == 1 else jnp.concatenate([one.ravel() for one in some])


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
    evaluate, made, by_leaf = _cut(jax.make_jaxpr(g)(*like))
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
        known: dict[Any, Scaled] = {}
        for part, whole in zip(made, total, strict=True):
            values = part.apart(whole.value)
            known |= {var: Scaled(one, whole.exponent) for var, one in zip(part.vars, values, strict=True)}
        found = []
        for leaf in by_leaf:
            if not leaf.vars:
                found.append(Scaled(leaf.together()[0], jnp.int32(ZERO_EXPONENT)))
                continue
            some = [known[var] for var in leaf.vars]
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
    if eqn.primitive.name != "dot_general" or any(isinstance(var, core.Literal) for var in eqn.invars):
        return False
    contracted, batch = eqn.params["dimension_numbers"]
    dtypes = {var.aval.dtype for var in (*eqn.invars, *eqn.outvars)}
    return not any((*contracted, *batch)) and len(dtypes) == 1


def _size(var: Any) -> int:
    return math.prod(var.aval.shape)

"""A step cut into what can be worked out before a loop over time and what cannot, its matrix products apart.

A step's equations are of three kinds: those of the weights alone, worked out once; those of an input, worked
out for all steps at once; and the others, which have to wait for the state. Of these, products of a matrix of
weights and a vector, `W h`, are taken out: products of one h become one product. What is added to it before
anything else belongs to it where it is affine in the input: `W h + U x + b` is one product with (h, x, 1).
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from gradlab.recurrence import cutting
from gradlab.recurrence.cutting import AHEAD, LATE, ONCE, Function, variables
from gradlab.types import Step

Tree = Any


class Product(NamedTuple):
    """One `W h`, with what is added to it."""

    result: Any
    matrix: Any
    axis: int
    """Of the matrix, which one is contracted."""
    added: Any | None


class Group(NamedTuple):
    """All products of one vector, of one precision."""

    vector: Any
    products: tuple[Product, ...]
    settings: dict[str, Any]
    """`precision` and `preferred_element_type`."""

    @property
    def sizes(self) -> list[int]:
        """Of the products, one after the other."""
        return [product.result.aval.shape[0] for product in self.products]


class Stages(NamedTuple):
    """A step in pieces, and which variables of its jaxpr go in and out of them."""

    once: Function
    """`(*params) -> [*of_params]`."""
    ahead: Function
    """`(*for_ahead, *x) -> [*own]`."""
    added: Function
    """`(*for_ahead, *x) -> [*of_input]`."""
    late: tuple[Function, ...]
    """`(*shared, *own, *state, *results of the groups before) -> [vector]` of each group; the next state."""
    groups: tuple[Group, ...]
    of_params: tuple[Any, ...]
    """What depends on weights alone and is needed later, the matrices of the groups included."""
    for_ahead: tuple[Any, ...]
    own: tuple[Any, ...]
    """What depends on weights and an input."""
    of_input: tuple[Any, ...]
    """What is affine in an input, and added to products."""
    shared: tuple[Any, ...]
    state: tuple[Any, ...]


def stages(step: Step, params: Tree, state: Tree, x: Tree) -> Stages | None:
    """Cut a step of one sequence; None if it has effects, whose order must stay.

    Raises:
      TypeError: if the step gives a state of another form.
    """
    closed, after = jax.make_jaxpr(step, return_shape=True)(params, state, x)
    kinds = [[f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(tree)] for tree in (state, after)]
    structures: list[Any] = [jax.tree.structure(tree) for tree in (state, after)]
    if kinds[0] != kinds[1] or structures[0] != structures[1]:
        was, is_now = (" and ".join(some) or "nothing" for some in kinds)
        what = f"{was} becomes {is_now}" if was != is_now else "the same numbers in another structure"
        raise TypeError(f"a step must keep the form of the state: {what}")
    jaxpr = closed.jaxpr
    if closed.effects:
        return None
    counts = [len(jax.tree.leaves(tree)) for tree in (params, state)]
    of_params, of_state = jaxpr.invars[: counts[0]], jaxpr.invars[counts[0] : sum(counts)]
    of_x = jaxpr.invars[sum(counts) :]
    when, equations = cutting.cut(jaxpr, of_x, of_state)
    at = functools.partial(cutting.at, when)
    make = functools.partial(cutting.function, jaxpr)
    for_ahead = at(variables([var for eqn in equations[AHEAD] for var in eqn.invars]), ONCE)

    groups, rest = _grouped(equations[LATE], jaxpr, when, cutting.bent(equations[AHEAD], of_x))
    wanted = variables([var for eqn in rest for var in eqn.invars] + jaxpr.outvars)
    wanted += [group.vector for group in groups]
    products = [one for group in groups for one in group.products]
    added = [one.added for one in products if one.added is not None]
    own, of_input = at(wanted, AHEAD), at(added, AHEAD)
    known = dict.fromkeys([*for_ahead, *at([*wanted, *added], ONCE), *(one.matrix for one in products)])
    shared = at(wanted, ONCE)
    first = make(equations[ONCE], [*jaxpr.constvars, *of_params], list(known))
    ends = [*([group.vector] for group in groups), jaxpr.outvars]
    late = []
    for i, end in enumerate(ends):
        before = [one.result for group in groups[:i] for one in group.products]
        late.append(make(rest, [*shared, *own, *of_state, *before], end))
    return Stages(
        lambda *params: first(*closed.consts, *params),
        make(equations[AHEAD], [*for_ahead, *of_x], own),
        make(equations[AHEAD], [*for_ahead, *of_x], of_input),
        tuple(late),
        groups,
        tuple(known),
        for_ahead,
        own,
        of_input,
        shared,
        tuple(of_state),
    )


def _grouped(
    eqns: Sequence[Any], jaxpr: Any, when: dict[Any, int], bent: set[Any]
) -> tuple[tuple[Group, ...], list[Any]]:
    """The products among equations that wait for the state, and the other equations."""
    users: dict[Any, list[Any]] = {}
    for eqn in jaxpr.eqns:
        for var in variables(eqn.invars):
            users.setdefault(var, []).append(eqn)
    for var in variables(jaxpr.outvars):
        users.setdefault(var, []).append(None)
    products = [eqn for eqn in eqns if _is_product(eqn, when)]
    sums: dict[Any, tuple[Any, Any]] = {}
    for eqn in products:
        (result,), only = eqn.outvars, users.get(eqn.outvars[0], [])
        if len(only) == 1 and only[0] is not None and only[0].primitive.name == "add":
            others = [var for var in variables(only[0].invars) if var is not result]
            if others and when.get(others[0], ONCE) < LATE and others[0].aval == result.aval:
                sums[result] = others[0], only[0].outvars[0]
    found: dict[Any, list[Product]] = {}
    settings, taken = {}, set()
    for eqn in products:
        vector, matrix = eqn.invars
        result, added = eqn.outvars[0], None
        taken.add(result)
        if result in sums and sums[result][0] not in bent:
            added, result = sums[result]
            taken.add(result)
        kept = {name: eqn.params[name] for name in ("precision", "preferred_element_type")}
        key = (vector, str(kept))
        settings[key] = kept
        axis = eqn.params["dimension_numbers"][0][1][0]
        found.setdefault(key, []).append(Product(result, matrix, axis, added))
    groups = tuple(Group(key[0], tuple(some), settings[key]) for key, some in found.items())
    return groups, [eqn for eqn in eqns if eqn.outvars[0] not in taken]


def _is_product(eqn: Any, when: dict[Any, int]) -> bool:
    """Whether it is `h W` or `h W^T` of a vector that waits for the state and a matrix of weights."""
    if eqn.primitive.name != "dot_general" or any(isinstance(var, core.Literal) for var in eqn.invars):
        return False
    contracted, batch = eqn.params["dimension_numbers"]
    vector, matrix = eqn.invars
    forms = vector.aval.ndim == 1 and matrix.aval.ndim == 2 and len(contracted[0]) == 1 and not any(batch)
    times = when.get(vector, ONCE) == LATE and when.get(matrix, ONCE) == ONCE
    return forms and times and len({var.aval.dtype for var in (*eqn.invars, *eqn.outvars)}) == 1

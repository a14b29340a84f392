"""A step cut into what can be worked out before a loop over time and what cannot, its matrix products apart.

A step's equations are of three kinds: those of the weights alone, worked out once; those of an input, worked
out for all steps at once; and the others, which have to wait for the state. Of these, products of a matrix of
weights and a vector, `W h`, are taken out: products of one `h` become one product, and what is added to it
before anything else, `W h + (U x + b)`, belongs to it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from gradlab.types import Step

Tree = Any
Function = Callable[..., list[Any]]
ONCE, AHEAD, LATE = range(3)
"""When an equation can be worked out: once, for all steps at once, or step by step."""


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
    """`(*for_ahead, *x) -> [*of_input]`."""
    late: tuple[Function, ...]
    """`(*shared, *own, *state, *results of the groups before) -> [vector]` of each group; the next state."""
    groups: tuple[Group, ...]
    of_params: tuple[Any, ...]
    """What depends on weights alone and is needed later, the matrices of the groups included."""
    for_ahead: tuple[Any, ...]
    of_input: tuple[Any, ...]
    """What depends on weights and an input."""
    shared: tuple[Any, ...]
    own: tuple[Any, ...]
    state: tuple[Any, ...]


def stages(step: Step, params: Tree, state: Tree, x: Tree) -> Stages | None:
    """Cut a step of one sequence; None if it has effects, whose order must stay."""
    closed = jax.make_jaxpr(step)(params, state, x)
    jaxpr = closed.jaxpr
    if closed.effects:
        return None
    counts = [len(jax.tree.leaves(tree)) for tree in (params, state)]
    of_params, of_state = jaxpr.invars[: counts[0]], jaxpr.invars[counts[0] : sum(counts)]
    of_x = jaxpr.invars[sum(counts) :]
    when = dict.fromkeys(of_x, AHEAD) | dict.fromkeys(of_state, LATE)
    equations: tuple[list[Any], ...] = ([], [], [])
    for eqn in jaxpr.eqns:
        time = max((when.get(var, ONCE) for var in _variables(eqn.invars)), default=ONCE)
        when.update((var, time) for var in eqn.outvars)
        equations[time].append(_varying_first(eqn, when))
    groups, rest = _grouped(equations[LATE], jaxpr, when)
    at = lambda some, time: tuple(var for var in dict.fromkeys(some) if when.get(var, ONCE) == time)
    added = [one.added for group in groups for one in group.products if one.added is not None]
    wanted = _variables([var for eqn in rest for var in eqn.invars] + jaxpr.outvars)
    wanted += [group.vector for group in groups]
    of_input = at([*wanted, *added], AHEAD)
    for_ahead = at(_variables([var for eqn in equations[AHEAD] for var in eqn.invars]), ONCE)
    matrices = [one.matrix for group in groups for one in group.products]
    known = tuple(dict.fromkeys([*for_ahead, *at([*wanted, *added], ONCE), *matrices]))
    shared, own = at(wanted, ONCE), at(wanted, AHEAD)
    make = lambda eqns, ins, outs: _function(jaxpr, eqns, ins, outs)
    first = make(equations[ONCE], [*jaxpr.constvars, *of_params], known)
    ends = [[group.vector] for group in groups] + [jaxpr.outvars]
    before = [[one.result for group in groups[:i] for one in group.products] for i in range(len(groups) + 1)]
    late = [
        make(rest, [*shared, *own, *of_state, *some], outs) for some, outs in zip(before, ends, strict=True)
    ]
    return Stages(
        lambda *params: first(*closed.consts, *params),
        make(equations[AHEAD], [*for_ahead, *of_x], of_input),
        tuple(late),
        groups,
        known,
        for_ahead,
        of_input,
        shared,
        own,
        tuple(of_state),
    )


def _grouped(eqns: Sequence[Any], jaxpr: Any, when: dict[Any, int]) -> tuple[tuple[Group, ...], list[Any]]:
    """The products among equations that wait for the state, and the other equations."""
    users: dict[Any, list[Any]] = {}
    for eqn in jaxpr.eqns:
        for var in _variables(eqn.invars):
            users.setdefault(var, []).append(eqn)
    for var in _variables(jaxpr.outvars):
        users.setdefault(var, []).append(None)
    found: dict[Any, list[Product]] = {}
    settings, taken = {}, set()
    for eqn in eqns:
        if not _is_product(eqn, when):
            continue
        vector, matrix = eqn.invars
        result, added = eqn.outvars[0], None
        taken.add(result)
        only = users.get(result, [])
        if len(only) == 1 and only[0] is not None and only[0].primitive.name == "add":
            other = next((var for var in only[0].invars if var is not result), result)
            like = result.aval.shape, result.aval.dtype
            if (
                not isinstance(other, core.Literal)
                and when.get(other, ONCE) < LATE
                and (
                    other.aval.shape,
                    other.aval.dtype,
                )
                == like
            ):
                added, result = other, only[0].outvars[0]
                taken.add(result)
        kept = {name: eqn.params[name] for name in ("precision", "preferred_element_type")}
        key = (vector, str(kept))
        settings[key] = kept
        axis = eqn.params["dimension_numbers"][0][1][0]
        found.setdefault(key, []).append(Product(result, matrix, axis, added))
    groups = tuple(Group(key[0], tuple(products), settings[key]) for key, products in found.items())
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


def _varying_first(eqn: Any, when: dict[Any, int]) -> Any:
    """A product with what does not depend on weights alone on the left: of many sequences, rows stay rows."""
    if eqn.primitive.name != "dot_general" or any(isinstance(var, core.Literal) for var in eqn.invars):
        return eqn
    (contracted, others), batch = eqn.params["dimension_numbers"]
    left, right = eqn.invars
    whole = len(others) == right.aval.ndim
    if any(batch) or not whole or when.get(left, ONCE) != ONCE or when.get(right, ONCE) == ONCE:
        return eqn
    numbers = ((others, contracted), batch)
    sharding = {"out_sharding": None} if "out_sharding" in eqn.params else {}
    return eqn.replace(invars=[right, left], params=eqn.params | {"dimension_numbers": numbers} | sharding)


def _function(jaxpr: Any, eqns: Sequence[Any], ins: Sequence[Any], outs: Sequence[Any]) -> Function:
    """Of the equations those that the outs need."""
    needed, kept = set(_variables(outs)), []
    for eqn in reversed(eqns):
        if any(var in needed for var in eqn.outvars):
            kept.append(eqn)
            needed.update(_variables(eqn.invars))
    part = jaxpr.replace(constvars=[], invars=list(ins), outvars=list(outs), eqns=kept[::-1])
    return core.jaxpr_as_fun(core.ClosedJaxpr(part, []))  # type: ignore[no-any-return]


def _variables(some: Any) -> list[Any]:
    return [var for var in some if not isinstance(var, core.Literal)]

"""A program's equations told apart by when they can be worked out: once, ahead of a loop, or in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jax.extend import core

from gradlab.recurrence.trees import has_gradient

Function = Callable[..., list[Any]]
ONCE, AHEAD, LATE = range(3)
"""When an equation can be worked out: once, for all steps at once, or step by step."""
SUMS = {"add", "sub", "neg", "reduce_sum", "concatenate", "slice", "split", "squeeze", "reshape", "transpose"}
SUMS |= {"broadcast_in_dim", "expand_dims", "copy", "stack", "unstack", "rev", "pad"}
PRODUCTS = {"mul", "dot_general"}
"""Operations that are linear in all that they are given, and in one of two."""


def cut(jaxpr: Any, of_x: Iterable[Any], of_state: Iterable[Any]) -> tuple[dict[Any, int], list[list[Any]]]:
    """When each variable is known that is not known at `ONCE`, and the equations by that.

    What has an effect waits for its step. In products what varies is on the left.
    """
    when = dict.fromkeys(of_x, AHEAD) | dict.fromkeys(of_state, LATE)
    equations: list[list[Any]] = [[], [], []]
    for eqn in jaxpr.eqns:
        time = (
            LATE if eqn.effects else max((when.get(var, ONCE) for var in variables(eqn.invars)), default=ONCE)
        )
        when.update(dict.fromkeys(eqn.outvars, time))
        equations[time].append(varying_first(eqn, lambda var: when.get(var, ONCE) != ONCE))
    return when, equations


def at(when: Mapping[Any, int], some: Iterable[Any], time: int) -> tuple[Any, ...]:
    """Those of the variables that are known at this time, each once."""
    return tuple(var for var in dict.fromkeys(some) if when.get(var, ONCE) == time)


def function(jaxpr: Any, eqns: Sequence[Any], ins: Sequence[Any], outs: Sequence[Any]) -> Function:
    """Of the equations those that the outs need, and those with an effect."""
    needed, kept = set(variables(outs)), []
    for eqn in reversed(eqns):
        if eqn.effects or any(var in needed for var in eqn.outvars):
            kept.append(eqn)
            needed.update(variables(eqn.invars))
    part = jaxpr.replace(constvars=[], invars=list(ins), outvars=list(outs), eqns=kept[::-1])
    return core.jaxpr_as_fun(core.ClosedJaxpr(part, []))  # type: ignore[no-any-return]


def bent(eqns: Sequence[Any], inputs: Sequence[Any]) -> set[Any]:
    """What inputs enter otherwise than linearly: by the operations, one by one.

    The derivative does not tell: that of a sign or of `stop_gradient` is the same everywhere.
    """
    varies = set(inputs)
    found = {var for var in inputs if not has_gradient(var.aval)}
    for eqn in eqns:
        ins = [not isinstance(var, core.Literal) and var in varies for var in eqn.invars]
        if not any(ins):
            continue
        varies.update(eqn.outvars)
        name, alike = eqn.primitive.name, {var.aval.dtype for var in (*eqn.invars, *eqn.outvars)}
        fits = name in SUMS or (name in PRODUCTS and sum(ins) == 1) or (name == "div" and not ins[1])
        own = not any(var in found for var, moved in zip(eqn.invars, ins, strict=True) if moved)
        if not (fits and own and len(alike) == 1):
            found.update(eqn.outvars)
    return found


def affine(jaxpr: Any, inputs: Sequence[Any]) -> bool:
    """Whether all outputs are linear functions of these inputs, and an offset."""
    found = bent(jaxpr.eqns, inputs)
    return not any(var in found for var in variables(jaxpr.outvars))


def varying_first(eqn: Any, varies: Callable[[Any], bool]) -> Any:
    """A product of what stays and a vector that varies, the vector on the left: of many, rows stay rows.

    `vmap` would exchange rows and columns of the result, and XLA transpose it back.
    """
    if eqn.primitive.name != "dot_general" or any(isinstance(var, core.Literal) for var in eqn.invars):
        return eqn
    (contracted, others), batch = eqn.params["dimension_numbers"]
    left, right = eqn.invars
    if any(batch) or len(others) != right.aval.ndim or varies(left) or not varies(right):
        return eqn
    numbers = ((others, contracted), batch)
    return eqn.replace(invars=[right, left], params=eqn.params | {"dimension_numbers": numbers})


def variables(some: Iterable[Any]) -> list[Any]:
    """Those that are no literals."""
    return [var for var in some if not isinstance(var, core.Literal)]

"""A function by its own arithmetic alone: whoever changed its derivative has no say in it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.extend import core
from jax.extend.core import primitives

Tree = Any

_RULES = {primitives.custom_jvp_call_p: "custom_jvp", primitives.custom_vjp_call_p: "custom_vjp"}


def primal(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """`function` without `custom_vjp`, `custom_jvp` and `stop_gradient`, wherever in it they are.

    Its values are the same; its derivative is that of the operations that compute them. What a rule
    hides for good reason (a root at 0, say) may then be NaN.
    """

    def bare(*arguments: Tree) -> Tree:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        outs = _evaluate(closed, jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shape), outs)

    return bare


def rules(function: Callable[..., Tree], *arguments: Tree) -> tuple[str, ...]:
    """What sets a derivative aside in `function`, in order: `stop_gradient`, `custom_vjp NAME`."""
    found: dict[str, None] = {}
    for equation in equations(jax.make_jaxpr(function)(*arguments).jaxpr):
        if equation.primitive is primitives.stop_gradient_p:
            found["stop_gradient"] = None
        elif equation.primitive in _RULES:
            name = equation.params["call_jaxpr"].jaxpr.debug_info.func_name or "unnamed"
            found[f"{_RULES[equation.primitive]} {name}"] = None
    return tuple(found)


def equations(jaxpr: Any) -> Iterator[Any]:
    """Every equation of a jaxpr, those inside of others included."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in core.jaxprs_in_params(equation.params):
            yield from equations(inner)


def _evaluate(closed: Any, arguments: Sequence[Any]) -> list[Any]:
    jaxpr = closed.jaxpr
    known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(var: Any) -> Any:
        return var.val if isinstance(var, core.Literal) else known[var]

    for equation in jaxpr.eqns:
        outs = _apply(equation, [read(var) for var in equation.invars])
        known.update(zip(equation.outvars, outs, strict=True))
    return [read(var) for var in jaxpr.outvars]


def _apply(equation: Any, ins: list[Any]) -> list[Any]:
    """One operation, what is inside of it without rules of its own."""
    kind, params = equation.primitive, equation.params
    if kind is primitives.stop_gradient_p:
        return ins
    if kind in _RULES:
        return _evaluate(params["call_jaxpr"], ins)
    if kind is primitives.jit_p:
        return _evaluate(params["jaxpr"], ins)
    if kind is primitives.remat_p:
        return _evaluate(core.ClosedJaxpr(params["jaxpr"], ()), ins)
    if kind in _LOOPS and any(
        inner.primitive in _RULES or inner.primitive is primitives.stop_gradient_p
        for body in core.jaxprs_in_params(params)
        for inner in equations(body)
    ):
        return list(_LOOPS[kind](params, ins))
    outs = kind.bind(*ins, **kind.get_bind_params(params))
    return list(outs) if kind.multiple_results else [outs]


def _scan(params: Any, ins: list[Any]) -> list[Any]:
    shared, carried = params["num_consts"], params["num_carry"]
    fixed, start, xs = ins[:shared], ins[shared : shared + carried], ins[shared + carried :]

    def body(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        outs = _evaluate(params["jaxpr"], [*fixed, *carry, *x])
        return outs[:carried], outs[carried:]

    length, reverse = params["length"], params["reverse"]
    carry, ys = jax.lax.scan(body, list(start), list(xs), length=length, reverse=reverse)
    return [*carry, *ys]


def _while(params: Any, ins: list[Any]) -> list[Any]:
    of_test, of_body = params["cond_nconsts"], params["body_nconsts"]
    for_test, for_body, start = ins[:of_test], ins[of_test : of_test + of_body], ins[of_test + of_body :]
    test = lambda carry: _evaluate(params["cond_jaxpr"], [*for_test, *carry])[0]
    outs: list[Any] = jax.lax.while_loop(
        test, lambda carry: _evaluate(params["body_jaxpr"], [*for_body, *carry]), list(start)
    )
    return outs


def _cond(params: Any, ins: list[Any]) -> list[Any]:
    branches = [lambda *rest, branch=branch: _evaluate(branch, rest) for branch in params["branches"]]
    outs: list[Any] = jax.lax.switch(ins[0], branches, *ins[1:])
    return outs


_LOOPS = {primitives.scan_p: _scan, primitives.while_p: _while, primitives.cond_p: _cond}

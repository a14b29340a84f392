"""A derivative with the numbers that rounding spoils replaced: what is zero then is zero by definition.

The program of the derivative is run a second time beside itself. What saturates (`tanh(a)` that rounds to
1, `exp(a)` that rounds to 0) is replaced there by a number of the same sign in (1/2, 1), and what enters a
product is kept near 1, so that no product underflows. What decides stays as it is: comparisons, and the
choices of `relu`, `max`, a mask or an index.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

Tree = Any

BITS = {2: 6, 4: 30, 8: 30}
"""Factors are kept between 2^-bits and 2^bits, by the bytes of their dtype: sums of products stay normal."""
SATURATED = 2.0**-10
"""Nearer than this to the bound of a saturating function a number is replaced: 1 - tanh loses its digits."""


class Saturated(NamedTuple):
    """A saturating primitive of the program, and the inputs at which its derivative rounds to zero."""

    name: str
    inputs: Any


class Pair(NamedTuple):
    """A number of the program, and what stands for it."""

    value: Any
    generic: Any


def generic(function: Callable[..., Tree], record: list[Saturated] | None = None) -> Callable[..., Tree]:
    """`function`, computed with the numbers that stand for the spoilt ones.

    An entry of the result is zero if it is zero by definition, and (but for accidents of probability zero)
    only then. With `record`, and outside jit, the saturated primitives that were met are added to it.
    """

    def evaluate(*args: Tree) -> Tree:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        given = [Pair(leaf, leaf) for leaf in map(_array, jax.tree.leaves(args))]
        outs = _run(closed.jaxpr, closed.consts, given, record)
        return jax.tree.unflatten(jax.tree.structure(shape), [out.generic for out in outs])

    return evaluate


def _run(
    jaxpr: Any, consts: Sequence[Any], given: Iterable[Pair], record: list[Saturated] | None
) -> list[Pair]:
    fixed = [Pair(const, const) for const in map(_array, consts)]
    known: dict[Any, Pair] = dict(zip(jaxpr.constvars, fixed, strict=True))
    known |= dict(zip(jaxpr.invars, given, strict=True))

    def read(var: Any) -> Pair:
        if isinstance(var, core.Literal):
            value = jnp.asarray(var.val, getattr(var.aval, "dtype", None))
            return Pair(value, value)
        return known[var]

    for eqn in jaxpr.eqns:
        outs = _applied(eqn, [read(var) for var in eqn.invars], record)
        known |= zip(eqn.outvars, outs, strict=True)
    return [read(var) for var in jaxpr.outvars]


def _array(leaf: Any) -> Any:
    return leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)


def _applied(eqn: Any, ins: list[Pair], record: list[Saturated] | None) -> list[Pair]:
    name = eqn.primitive.name
    inner = next((eqn.params[key] for key in ("jaxpr", "call_jaxpr") if key in eqn.params), None)
    if name in CALLS and inner is not None:
        jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, ())
        return _run(jaxpr, consts, ins, record)
    if name in LOOPS:
        return LOOPS[name](eqn.params, ins)
    values = _bound(eqn, [pair.value for pair in ins])
    if name in SATURATING:
        if record is not None:
            _note(name, ins[0].value, values[0], record)
        return [Pair(values[0], _stand_in(eqn, ins[0], values[0]))]
    if name in DECIDING:
        return [Pair(value, value) for value in values]
    if name in ("max", "min"):
        first = (ins[0].value > ins[1].value) == (name == "max")
        return [Pair(values[0], jnp.where(first, ins[0].generic, ins[1].generic))]
    if name == "clamp":
        low, x, high = ins
        inner = jnp.where(x.value > high.value, high.generic, x.generic)
        return [Pair(values[0], jnp.where(x.value < low.value, low.generic, inner))]
    standing = [pair.generic for pair in ins]
    if name in PRODUCTS:
        standing = [_near_one(factor) for factor in standing]
    elif name == "convert_element_type" and _is_float(values[0]):
        standing = [_near_one(standing[0], values[0].dtype)]
    elif all(pair.generic is pair.value for pair in ins):
        return [Pair(value, value) for value in values]
    if name == "select_n":
        standing[0] = ins[0].value
    return [_mended(value, found) for value, found in zip(values, _bound(eqn, standing), strict=True)]


def _bound(eqn: Any, values: list[Any]) -> list[Any]:
    found = eqn.primitive.bind(*values, **eqn.params)
    return list(found) if eqn.primitive.multiple_results else [found]


def _mended(value: Any, found: Any) -> Pair:
    """What came of the numbers that stand for others, where that is a number at all."""
    if not _is_float(value):
        return Pair(value, value)
    return Pair(value, jnp.where(jnp.isfinite(found) | ~jnp.isfinite(value), found, drawn(value)))


def _near_one(x: Any, dtype: Any = None) -> Any:
    """The entries that are not zero brought near 1, signs kept."""
    if not _is_float(x):
        return x
    most = 2.0 ** min(BITS.get(np.dtype(kind).itemsize, 6) for kind in (dtype or x.dtype, x.dtype))
    size = jnp.clip(jnp.abs(x), jnp.asarray(1 / most, x.dtype), jnp.asarray(most, x.dtype))
    return jnp.where(x == 0, x, jnp.sign(x) * size)


def _stand_in(eqn: Any, x: Pair, value: Any) -> Any:
    """The saturating function of what stands for x, and where it is spoilt a number of the same sign."""
    spoilt = SATURATING[eqn.primitive.name]
    found = _bound(eqn, [x.generic])[0]
    positive = eqn.primitive.name in ("exp", "exp2", "logistic", "erfc")
    sign = jnp.ones_like(value) if positive else jnp.sign(x.generic)
    return jnp.where(spoilt(value) | spoilt(found), sign * drawn(x.generic), found)


def drawn(x: Any) -> Any:
    """A number in (1/2, 1) that is a function of x, and not of anything simple in x."""
    known = jnp.where(jnp.isfinite(x), x, jnp.ones_like(x))
    wave = jnp.sin(known * jnp.asarray(12.9898, x.dtype) + jnp.asarray(0.7, x.dtype))
    return jnp.asarray(0.51, x.dtype) + jnp.asarray(0.47, x.dtype) * wave * wave


def _note(name: str, x: Any, value: Any, record: list[Saturated]) -> None:
    """Write down the inputs at which the derivative, as it is computed, is zero."""
    if isinstance(x, jax.core.Tracer):
        return
    gone = {"tanh": abs(value) == 1, "logistic": (value == 0) | (value == 1), "expm1": value == -1}
    gone |= dict.fromkeys(("exp", "exp2"), value == 0)
    if name in gone and gone[name].any():
        record.append(Saturated(name, jnp.asarray(x)[gone[name]]))


def _is_float(x: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(x), jnp.floating))


def _scan(params: Any, ins: list[Pair]) -> list[Pair]:
    body, fixed, carried = params["jaxpr"], params["num_consts"], params["num_carry"]
    consts, start, xs = ins[:fixed], ins[fixed : fixed + carried], ins[fixed + carried :]

    def one(carry: list[Pair], x: list[Pair]) -> tuple[list[Pair], list[Pair]]:
        outs = _run(body.jaxpr, body.consts, [*consts, *carry, *x], None)
        return outs[:carried], outs[carried:]

    last, ys = jax.lax.scan(one, start, xs, length=params["length"], reverse=params["reverse"])
    return [*last, *ys]


def _while(params: Any, ins: list[Pair]) -> list[Pair]:
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    of_test, of_body = params["cond_nconsts"], params["body_nconsts"]
    tested, fixed, start = ins[:of_test], ins[of_test : of_test + of_body], ins[of_test + of_body :]

    def goes_on(carry: list[Pair]) -> Any:
        return core.jaxpr_as_fun(test)(*(pair.value for pair in [*tested, *carry]))[0]

    return jax.lax.while_loop(goes_on, lambda c: _run(body.jaxpr, body.consts, [*fixed, *c], None), start)


def _cond(params: Any, ins: list[Pair]) -> list[Pair]:
    ways = [lambda some, way=way: _run(way.jaxpr, way.consts, some, None) for way in params["branches"]]
    found: list[Pair] = jax.lax.switch(ins[0].value, ways, ins[1:])
    return found


CALLS = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat",
    "remat2",
    "checkpoint",
    "custom_jvp_call",
    "custom_vjp_call",
}
LOOPS: dict[str, Callable[[Any, list[Pair]], list[Pair]]] = {"scan": _scan, "while": _while, "cond": _cond}
PRODUCTS = {
    "mul",
    "div",
    "dot_general",
    "conv_general_dilated",
    "integer_pow",
    "pow",
    "square",
    "reduce_prod",
    "cumprod",
}
DECIDING = {
    "sign",
    "floor",
    "ceil",
    "round",
    "reduce_max",
    "reduce_min",
    "cummax",
    "cummin",
    "sort",
    "top_k",
    "nextafter",
}
"""Their results, and the places of them, are those of the numbers themselves."""
SATURATING: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: abs(y) > 1 - SATURATED,
    "erf": lambda y: abs(y) > 1 - SATURATED,
    "logistic": lambda y: (y < SATURATED) | (y > 1 - SATURATED),
    "erfc": lambda y: (y < SATURATED) | (y > 2 - SATURATED),
    "exp": lambda y: (y < SATURATED) | (y > 1 / SATURATED),
    "exp2": lambda y: (y < SATURATED) | (y > 1 / SATURATED),
    "expm1": lambda y: (y < SATURATED - 1) | (y > 1 / SATURATED),
}
"""By primitive: whether a result lies where it, or its derivative, loses its digits."""

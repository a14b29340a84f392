"""Where a computation in float64 becomes narrower on the way: read from its jaxpr, not from its numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from gradlab.recurrence.primal import equations

Tree = Any


class Narrowing(NamedTuple):
    """An operation whose result has fewer digits than what goes into it."""

    what: str
    """Primitive, shape and dtypes: `convert_element_type float64[4] -> float32[4]`."""
    unit: float
    """The distance from 1 to the next number after it."""


def of_function(function: Callable[..., Tree], *arguments: Tree) -> list[Narrowing]:
    """Every narrowing of `function`, derivative rules of custom functions not included."""
    return list(filter(None, map(_narrowing, equations(jax.make_jaxpr(function)(*arguments).jaxpr))))


def of_backward(function: Callable[..., Tree], *arguments: Tree) -> list[Narrowing]:
    """Every narrowing of the reverse mode of `function`, its own derivative rules included."""

    def backward(*arguments: Tree) -> Tree:
        out, pull = jax.vjp(function, *arguments)
        return pull(jax.tree.map(jnp.ones_like, out))

    return list(dict.fromkeys(of_function(backward, *arguments)))


def _narrowing(equation: Any) -> Narrowing | None:
    # What holds a jaxpr is told by the equations inside of it.
    if next(iter(core.jaxprs_in_params(equation.params)), None) is not None:
        return None
    ins, outs = ([var.aval for var in side if _is_float(var)] for side in (equation.invars, equation.outvars))
    if not ins or not outs:
        return None
    name, before = equation.primitive.name, max(ins, key=_digits)
    if name == "reduce_precision":
        bits = int(equation.params["mantissa_bits"])
        narrow = bits < _digits(before)
        return Narrowing(f"{name} {_shown(before)} to {bits} bits", 2.0**-bits) if narrow else None
    after = min(outs, key=_digits)
    if _digits(after) >= _digits(before):
        return None
    return Narrowing(f"{name} {_shown(before)} -> {_shown(after)}", 2.0 ** -_digits(after))


def _digits(aval: Any) -> int:
    """Binary digits behind the point."""
    return int(jnp.finfo(aval.dtype).nmant)  # type: ignore[no-untyped-call]


def _is_float(var: Any) -> bool:
    dtype = getattr(var.aval, "dtype", np.dtype(bool))
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def _shown(aval: Any) -> str:
    return f"{aval.dtype}{list(aval.shape)}".replace(" ", "")

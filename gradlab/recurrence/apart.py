"""Whether a function keeps units apart: each of its result from the same one of its argument alone.

It is told by the operations one by one, of which each says where it leaves the axes of the units.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax.extend import core

Tree = Any
Axes = tuple[int, ...]
"""Where the axes of the units are among those of an array, in order."""

ARITHMETIC = ("add", "add_any", "sub", "mul", "div", "neg", "abs", "sign", "max", "min", "clamp", "square")
FUNCTIONS = ("exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "pow", "integer_pow", "erf", "logistic")
ANGLES = ("sin", "cos", "tan", "tanh", "atan", "atan2", "real", "imag", "complex", "conj")
CHOICES = ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "is_finite", "select_n")
SAME = ("copy", "convert_element_type", "stop_gradient")
"""Operations on each entry by itself."""
INSIDE = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}
INSIDE |= {"custom_vjp_call": "call_jaxpr"}
"""Operations that are programs, and where these are."""


TOGETHER: Axes = (-1,)
"""In the place of axes: units were brought together, or may have been."""


class _Together(Exception):
    """An operation does so."""


def keeps_apart(function: Callable[..., Tree], given: Tree, units: tuple[int, ...], *others: Tree) -> bool:
    """Whether each unit of `function(given, *others)` comes from that unit of `given` alone.

    `units` is the shape that each leaf of both ends with. True is proven, False is not.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(given, *others)
    before, after = (
        [_last(leaf.ndim, len(units)) for leaf in jax.tree.leaves(tree)] for tree in (given, shape)
    )
    found = _followed(closed.jaxpr, [*before, *[None] * (len(closed.jaxpr.invars) - len(before))])
    return all(axes in (None, last) for axes, last in zip(found, after, strict=True))


def _last(axes: int, count: int) -> Axes:
    return tuple(range(axes - count, axes))


def _followed(jaxpr: Any, given: Sequence[Axes | None]) -> list[Axes | None]:
    """The axes of the units in each output; None where nothing of the argument is in it."""
    known = dict(zip(jaxpr.invars, given, strict=True))

    def of(var: Any) -> Axes | None:
        return None if isinstance(var, core.Literal) else known.get(var)

    for eqn in jaxpr.eqns:
        ins = [of(var) for var in eqn.invars]
        if any(axes is not None for axes in ins):
            try:
                outs = _through(eqn, ins)
            except _Together:
                # It may be that no result asks for it.
                outs = [TOGETHER] * len(eqn.outvars)
            known.update(zip(eqn.outvars, outs, strict=True))
    return [of(var) for var in jaxpr.outvars]


def _through(eqn: Any, ins: list[Axes | None]) -> list[Axes | None]:
    name, params = eqn.primitive.name, eqn.params
    if name in INSIDE:
        inner = params[INSIDE[name]]
        return _followed(getattr(inner, "jaxpr", inner), ins)
    moved = [(axes, var.aval.shape) for axes, var in zip(ins, eqn.invars, strict=True) if axes is not None]
    axes, old = moved[0]
    if name not in _RULES or axes == TOGETHER or any(other != axes for other, _ in moved):
        raise _Together
    found: list[Axes | None] = []
    for new in (var.aval.shape for var in eqn.outvars):
        after = _RULES[name](axes, params, old, new)
        # What cuts an axis of units, or brings in one by repetition, changes its size.
        if [new[axis] for axis in after] != [old[axis] for axis in axes]:
            raise _Together
        found.append(after)
    return found


def _stay(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    return axes


def _beside(name: str) -> Callable[..., Axes]:
    """They stay, if the operation works along other axes."""

    def rule(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
        along = params[name]
        if set(axes) & set(along if isinstance(along, tuple) else (along,)):
            raise _Together
        return axes

    return rule


def _dropping(name: str) -> Callable[..., Axes]:
    """Other axes are gone afterwards."""

    def rule(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
        _beside(name)(axes, params, old, new)
        along = params[name]
        gone = along if isinstance(along, tuple) else (along,)
        return tuple(axis - sum(one < axis for one in gone) for axis in axes)

    return rule


def _stacked(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    return tuple(axis + (params["axis"] <= axis) for axis in axes)


def _broadcast(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    return tuple(params["broadcast_dimensions"][axis] for axis in axes)


def _transposed(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    return tuple(params["permutation"].index(axis) for axis in axes)


def _padded(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    if any(any(params["padding_config"][axis]) for axis in axes):
        raise _Together
    return axes


def _reshaped(axes: Axes, params: Mapping[str, Any], old: Sequence[int], new: Sequence[int]) -> Axes:
    """An axis is the same one where it has the same size, and as many entries are before it."""
    after: list[int] = []
    for axis in axes:
        before = math.prod(old[:axis])
        fits = (b for b, size in enumerate(new) if size == old[axis] and math.prod(new[:b]) == before)
        place = next((b for b in fits if b not in after), None)
        if place is None or params["dimensions"] is not None:
            raise _Together
        after.append(place)
    return tuple(after)


_RULES: dict[str, Callable[[Axes, Mapping[str, Any], Sequence[int], Sequence[int]], Axes]] = {
    **dict.fromkeys((*ARITHMETIC, *FUNCTIONS, *ANGLES, *CHOICES, *SAME, "slice"), _stay),
    "concatenate": _beside("dimension"),
    "split": _beside("axis"),
    "rev": _beside("dimensions"),
    "squeeze": _dropping("dimensions"),
    "reduce_sum": _dropping("axes"),
    "unstack": _dropping("axis"),
    "stack": _stacked,
    "broadcast_in_dim": _broadcast,
    "transpose": _transposed,
    "pad": _padded,
    "reshape": _reshaped,
}
"""Of each operation: `(axes, parameters, shape, shape of the result) -> axes in the result`."""

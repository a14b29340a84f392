"""Where and why a derivative was rounded to zero, in numbers and in words."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.recurrence.generic import Saturated, generic
from gradlab.states import BELOW_PRECISION
from gradlab.types import Step

Tree = Any
COLUMNS = {
    "transport": "the transport",
    "transport_frobenius": "the transport",
    "adjoint": "the adjoint",
    "weight_gradient": "the weight gradient",
}
"""Where a rounded zero is looked for, in this order, and what it is called."""


class Factor(NamedTuple):
    """The derivative of a saturated primitive, and log10 of it as it truly is: the largest of the step."""

    name: str
    log10: float


def log10_derivative(name: str, a: NDArray[Any]) -> NDArray[np.float64]:
    """log10 of the derivative of a saturating primitive at a, without ever computing the derivative.

    tanh        log10 4 - 2 |a| / ln 10 - 2 log10(1 + exp(-2 |a|))
    logistic    -|a| / ln 10 - 2 log10(1 + exp(-|a|))
    exp         a / ln 10;      expm1 likewise;     exp2    a log10 2 + log10(ln 2)

    >>> round(float(log10_derivative("tanh", np.array(10.5))), 1)
    -8.5
    """
    x = np.asarray(a, np.float64)
    size = np.abs(x)
    if name == "tanh":
        natural = math.log(4) - 2 * size - 2 * np.log1p(np.exp(-2 * size))
    elif name == "logistic":
        natural = -size - 2 * np.log1p(np.exp(-size))
    elif name == "exp2":
        natural = x * math.log(2) + math.log(math.log(2))
    else:
        natural = x
    return np.asarray(natural / math.log(10), np.float64)


def largest_factor(step: Step, params: Tree, before: Tree, x: Tree) -> Factor | None:
    """The largest derivative among the saturated primitives of one step, or None if none is saturated."""
    record: list[Saturated] = []
    ones = jax.tree.map(jnp.ones_like, before)
    generic(lambda p, s, x, v: jax.vjp(lambda s: step(p, s, x), s)[1](v), record)(params, before, x, ones)
    found = [Factor(name, float(log10_derivative(name, np.asarray(a)).max())) for name, a in record]
    return max(found, key=lambda factor: factor.log10, default=None)


def kept_by_float64(step: Step, params: Tree, before: Tree, x: Tree) -> bool | None:
    """Whether the same step's pullback of a vector of ones is not zero in float64; None if it cannot run."""

    def wide(leaf: Any) -> Any:
        return leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    host = [np.asarray(leaf) for leaf in jax.tree.leaves((params, before, x))]
    structure = jax.tree.structure((params, before, x))
    with jax.enable_x64(True):
        params, before, x = jax.tree.unflatten(structure, [wide(jnp.asarray(leaf)) for leaf in host])
        try:
            after, pull = jax.vjp(lambda s: step(params, s, x), before)
            sent = pull(jax.tree.map(jnp.ones_like, after))[0]
        except (TypeError, ValueError):
            # A step with numbers of its own in float32.
            return None
        return any(bool((leaf != 0).any()) for leaf in jax.tree.leaves(sent))


def described(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    columns: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    parts: Sequence[str],
    compiled: Callable[..., Any] | None = None,
) -> dict[str, Any]:
    """What a dataset says of the first norm of one network that was rounded to zero; {} if none was.

    `columns` are those of one network: values and states (..., lag) or (..., lag, part). `compiled` calls a
    function with arrays, and may keep its program for the next call.
    """
    compiled = compiled or _jitted
    found = _first(columns, parts)
    if found is None:
        return {}
    lag, back, what = found
    at = len(jax.tree.leaves(xs)[0]) - back + 1
    words = f"{what} is rounded to zero from lag {lag} on"
    said: dict[str, Any] = {"rounded_lag": lag}
    if back > 0:
        before = _state(compiled, step, params, state, xs, at - 1)
        x = jax.tree.map(lambda leaf: leaf[at - 1], xs)
        factor = largest_factor(step, params, before, x)
        if factor is not None:
            said |= {"rounded_step": at, "rounded_factor": factor.log10}
            words += f": {factor.name}' = 10^{factor.log10:.1f} at step {at}"
            single = jax.tree.leaves(state)[0].dtype == np.float32
            if single and kept_by_float64(step, params, before, x):
                words += "; float64 keeps it"
    return said | {"rounded": words}


def _first(columns: Mapping[str, Any], parts: Sequence[str]) -> tuple[int, int, str] | None:
    """The first lag at which a norm was rounded to zero, the steps back that it takes, and which norm it is.

    Of the first column that has such a lag: what is lost from the transport is lost from what follows it.
    """
    for name, what in COLUMNS.items():
        states = columns[name][1][0, 0, 0, 0]
        states = states.reshape(len(states), -1)
        found = [
            (int(np.argmax(lost)), j) for j, lost in enumerate((states == BELOW_PRECISION).T) if lost.any()
        ]
        if found:
            lag, j = min(found)
            # At lag 0 the weights of the last step have their gradient already.
            back = lag + 1 if name == "weight_gradient" else lag
            return lag, back, what if j == 0 else f"{what} of part {parts[j]}"
    return None


def _jitted(function: Callable[..., Any], *given: Tree) -> Any:
    return jax.jit(function)(*given)


def _state(compiled: Callable[..., Any], step: Step, params: Tree, state: Tree, xs: Tree, steps: int) -> Tree:
    """The state after so many steps."""

    def run(params: Tree, state: Tree, xs: Tree, steps: Any) -> Tree:
        one = lambda t, state: step(params, state, jax.tree.map(lambda leaf: leaf[t], xs))
        return jax.lax.fori_loop(0, steps, one, state)

    return compiled(run, params, state, xs, jnp.int32(steps))

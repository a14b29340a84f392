"""A network as it is given, and as the probes see it: finite real numbers, and the rest carried along.

A complex leaf becomes a real one with a leading axis of 2, (re, im): every norm, singular value and gradient
is that of the real form. A random key becomes the integers that it is made of.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.recurrence import brought
from gradlab.recurrence.pullback import depends
from gradlab.recurrence.trees import (
    Compiled,
    Form,
    at_once,
    carried,
    decoded,
    encoded,
    form,
    has_gradient,
    merged,
    split,
    supported,
)
from gradlab.types import Step

Tree = Any


class Network(NamedTuple):
    """What the probes are given."""

    step: Step
    params: Tree
    state: Tree
    """Real numbers alone; None where the given state holds something else."""
    xs: Tree
    readout: Callable[[Tree], Tree]
    recurrent: Callable[[Tree], Tree] | None
    inputs: Callable[[Tree], Tree]
    """What `xs` would be of another sequence of the same form; errors as of `network`."""


def network(
    step: Any,
    params: Tree,
    state: Tree,
    xs: Tree,
    *,
    readout: Callable[[Any], Any],
    recurrent: Callable[[Any], Any] | None,
    compiled: Compiled = at_once,
) -> Network:
    """The network as the probes see it; what cannot be measured is refused by name.

    `compiled` calls what works out the rest of each state, and may keep its program for another sequence.

    Raises:
      GradlabError: for a leaf that is not finite, not numeric or of half precision; for inputs of different
        lengths; for a step, readout or choice of weights that does not fit.
    """
    if not callable(step):
        hint = "pass its method `step`" if callable(getattr(step, "step", None)) else "pass a function"
        raise GradlabError("step", f"is of type {type(step).__name__}; {hint} (params, state, x) -> state")
    for root, tree in (("params", params), ("state", state), ("xs", xs)):
        brought.untraced(root, tree)
    state, xs = _precise(brought.arrays("state", state)), brought.arrays("xs", xs)
    numbers, rebuilt = parameters(params)
    for name, leaf in brought.named("state", state):
        if has_gradient(leaf) and leaf.size == 0:
            raise GradlabError(name, "has no entries; a state holds at least one number")
    if not any(has_gradient(leaf) for leaf in jax.tree.leaves(state)):
        held = sorted({str(leaf.dtype) for leaf in jax.tree.leaves(state)})
        what = f"holds {' and '.join(held)} numbers" if held else "is empty"
        raise GradlabError("state", f"{what}; a gradient needs float32 or float64 numbers")
    brought.one_length(xs)
    for root, tree in (("state", state), ("xs", xs)):
        brought.all_finite(brought.named(root, tree))

    same_form(
        lambda n, state, x: step(rebuilt(n), state, x), numbers, state, jax.tree.map(lambda leaf: leaf[0], xs)
    )

    def whole(numbers: dict[str, Any], state: Tree, x: Tree) -> Tree:
        # A number of Python's own in the state that is returned takes the precision of the state.
        return jax.tree.map(
            lambda new, old: jnp.asarray(new, old.dtype), step(rebuilt(numbers), state, x), state
        )

    shape = form("state", state)
    real = lambda numbers, state, x: encoded(whole(numbers, decoded(state, shape), x), shape)

    def moving(xs: Tree) -> tuple[Step, Tree, Tree, Any]:
        return carried(real, numbers, encoded(state, shape), xs, compiled=compiled)

    one, start, ys, _ = moving(xs)
    return Network(
        one,
        numbers,
        start,
        ys,
        _reading(readout, state, shape),
        None if recurrent is None else _picking(recurrent, numbers, rebuilt),
        lambda xs: moving(_inputs(xs))[2],
    )


def _inputs(xs: Tree) -> Tree:
    """The inputs of a further sequence as arrays, looked at as those of the first."""
    brought.untraced("xs", xs)
    xs = brought.arrays("xs", xs)
    brought.one_length(xs)
    brought.finite("xs", xs)
    return xs


def numbers(state: Tree) -> Tree:
    """What of a state has a gradient, as a readout is given it."""
    return split(state)[0]


def _precise(state: Tree) -> Tree:
    """The state in one precision: Python's own numbers take that of the arrays."""
    held = {name: leaf for name, leaf in brought.named("state", state) if has_gradient(leaf)}
    for name, leaf in held.items():
        supported(name, leaf.dtype)
    kinds = {np.zeros(1, leaf.dtype).real.dtype: name for name, leaf in held.items() if not leaf.weak_type}
    if len(kinds) > 1:
        first, second, *_ = (f"{name} is {kind}" for kind, name in kinds.items())
        raise GradlabError("state", f"mixes precisions: {first}, {second}; cast it to one of them")
    precision = next(iter(kinds), None)

    def strong(leaf: Any) -> Any:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        if leaf.weak_type and precision is not None and has_gradient(leaf):
            like = jnp.complex128 if precision == np.float64 else jnp.complex64
            return jnp.asarray(leaf, like if jnp.iscomplexobj(leaf) else precision)
        return jnp.asarray(leaf, leaf.dtype)

    return jax.tree.map(strong, state)


def parameters(params: Tree) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Tree]]:
    """The numbers of params that have a gradient, by name and in real form, and the way back to params."""
    leaves, structure = jax.tree.flatten(params)
    kinds = jax.Array | np.ndarray | np.generic | float | complex
    numeric = [isinstance(leaf, kinds) and has_gradient(leaf) for leaf in leaves]
    for (name, leaf), n in zip(brought.named("params", params), numeric, strict=True):
        if n and hasattr(leaf, "dtype"):
            supported(name, leaf.dtype)
    brought.all_finite([pair for pair, n in zip(brought.named("params", params), numeric, strict=True) if n])
    names = [name for name, n in zip(_keys(params), numeric, strict=True) if n]
    numbers = dict(zip(names, (leaf for leaf, n in zip(leaves, numeric, strict=True) if n), strict=True))
    shape = form("params", numbers)

    def rebuilt(given: dict[str, Any]) -> Tree:
        own = map(decoded(given, shape).__getitem__, names)
        return jax.tree.unflatten(
            structure, [next(own) if n else leaf for n, leaf in zip(numeric, leaves, strict=True)]
        )

    return encoded(numbers, shape), rebuilt


def _keys(params: Tree) -> list[str]:
    """A name for each leaf, as parameters of a cell have it; by place where two would be called the same."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    keys = [jax.tree_util.keystr(path, simple=True, separator="/") or "params" for path in paths]
    return keys if len(set(keys)) == len(keys) else [f"{i:06d}" for i in range(len(keys))]


def _reading(readout: Callable[[Any], Any], state: Tree, shape: Form) -> Callable[[Tree], Tree]:
    """The readout in real form, of the numbers of a state alone."""
    others = split(encoded(state, shape))[1]

    def read(numbers: Tree, others: Tree) -> Tree:
        found = readout(decoded(merged(numbers, others), shape))
        return split(encoded(found, form("readout", found)))[0]

    numbers = split(encoded(state, shape))[0]
    try:
        closed = jax.make_jaxpr(read)(numbers, others)
    except GradlabError:
        raise
    except Exception as error:
        raise GradlabError("readout", _said("fails on the state", error)) from error
    if not closed.jaxpr.outvars:
        raise GradlabError(
            "readout", "holds no number that has a gradient; it must return a part of the state"
        )
    marks = [False] * len(jax.tree.leaves(numbers)) + [True] * len(jax.tree.leaves(others))
    if any(depends(closed.jaxpr, marks)):
        what = (
            "computes with integers or keys of the state, which are not followed; return numbers of the state"
        )
        raise GradlabError("readout", what)
    return lambda numbers: read(numbers, others)


def _picking(
    recurrent: Callable[[Any], Any], numbers: dict[str, Any], rebuilt: Callable[[Any], Any]
) -> Callable[[Tree], Tree]:
    """The choice of the recurrent weights in real form."""

    def pick(numbers: dict[str, Any]) -> Tree:
        found = recurrent(rebuilt(numbers))
        for name, leaf in brought.named("w_rec", found):
            if not isinstance(leaf, jax.Array | np.ndarray | float | complex) or not has_gradient(leaf):
                raise GradlabError(
                    "w_rec", f"picks {shown(leaf)} at {name}; it must pick weights from params"
                )
        return encoded(found, form("w_rec", found))

    try:
        closed = jax.make_jaxpr(pick)(numbers)
    except GradlabError:
        raise
    except Exception as error:
        raise GradlabError("w_rec", _said("fails on params", error)) from error
    outs = depends(closed.jaxpr, [True] * len(closed.jaxpr.invars))
    if not outs or not all(outs):
        what = "nothing" if not outs else "a number that is not in params"
        raise GradlabError("w_rec", f"picks {what}; it must pick weights from params, like lambda p: p.w_hh")
    return pick


def same_form(step: Step, params: Tree, state: Tree, x: Tree) -> None:
    """Refuse a step that changes the form of the state, or that cannot be traced."""
    try:
        after = jax.eval_shape(step, params, state, x)
    except GradlabError:
        raise
    except Exception as error:
        raise GradlabError("step", _said("cannot be traced by JAX", error)) from error
    before = jax.eval_shape(lambda: state)
    forms = [str(jax.tree.structure(tree)).removeprefix("PyTreeDef(")[:-1] for tree in (after, before)]
    if forms[0] != forms[1]:
        now, was = map(brought.cut, forms)
        raise GradlabError("step", f"returns {now} where the state is {was}; it must keep the form")
    for (name, old), new in zip(brought.named("state", before), jax.tree.leaves(after), strict=True):
        kept = old.dtype == new.dtype or (new.weak_type and has_gradient(old) and has_gradient(new))
        if old.shape != new.shape or not kept:
            was, is_now = (f"{leaf.dtype}{list(leaf.shape)}" for leaf in (old, new))
            raise GradlabError("step", f"turns {name} of {was} into {is_now}; it must keep shape and dtype")


def _said(what: str, error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{what}: {type(error).__name__}: {shown(lines[0].strip(), 160)}; call it once in Python"

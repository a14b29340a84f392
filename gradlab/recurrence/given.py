"""A network as it is given, and as the probes see it: finite real numbers, and the rest carried along.

A complex leaf becomes a real one with a leading axis of 2, (re, im): every norm, singular value and gradient
is that of the real form. A random key becomes the integers that it is made of.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.recurrence import choices
from gradlab.recurrence.trees import (
    Compiled,
    at_once,
    carried,
    decoded,
    encoded,
    form,
    has_gradient,
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
        _known(root, tree)
    state, xs = _precise(arrays("state", state)), arrays("xs", xs)
    numbers, rebuilt = parameters(params)
    for name, leaf in named("state", state):
        if has_gradient(leaf) and leaf.size == 0:
            raise GradlabError(name, "has no entries; a state holds at least one number")
    if not any(has_gradient(leaf) for leaf in jax.tree.leaves(state)):
        held = sorted({str(leaf.dtype) for leaf in jax.tree.leaves(state)})
        what = f"holds {' and '.join(held)} numbers" if held else "is empty"
        raise GradlabError("state", f"{what}; a gradient needs float32 or float64 numbers")
    _one_length(xs)
    for root, tree in (("state", state), ("xs", xs)):
        _finite(named(root, tree))

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
        choices.reading(readout, state, shape),
        None if recurrent is None else choices.picking(recurrent, numbers, rebuilt),
        lambda xs: moving(_inputs(xs))[2],
    )


def named(root: str, tree: Tree) -> list[tuple[str, Any]]:
    """The leaves of a tree with their names in Python.

    >>> named("params", {"w": 1.0, "b": [2.0]})
    [("params['b'][0]", 2.0), ("params['w']", 1.0)]
    """
    return [
        (root + jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def arrays(root: str, tree: Tree) -> Tree:
    """The tree with every leaf as an array; a leaf that is none is refused by name."""

    def array(path: Any, leaf: Any) -> Any:
        name = root + jax.tree_util.keystr(path)
        held = getattr(leaf, "dtype", None)
        if isinstance(leaf, str | bytes) or getattr(held, "kind", "") in ("O", "U", "S"):
            what = shown(leaf) if held is None else f"an array of {held}"
            raise GradlabError(name, f"is {what}; {root} holds arrays of numbers")
        try:
            return jnp.asarray(leaf)
        except (TypeError, ValueError) as error:
            what = f"is a {type(leaf).__name__}; {root} holds arrays of numbers"
            raise GradlabError(name, what) from error

    return jax.tree_util.tree_map_with_path(array, tree)


def finite(root: str, tree: Tree) -> None:
    """Refuse a tree with a number that is NaN or infinite, by its place."""
    _finite(named(root, tree))


def _known(root: str, tree: Tree) -> None:
    for name, leaf in named(root, tree):
        if isinstance(leaf, jax.core.Tracer):
            what = "has no value while it is traced; call this outside of jax.jit, vmap and grad"
            raise GradlabError(name, what)


def _inputs(xs: Tree) -> Tree:
    """The inputs of a further sequence as arrays, looked at as those of the first."""
    _known("xs", xs)
    xs = arrays("xs", xs)
    _one_length(xs)
    finite("xs", xs)
    return xs


def numbers(state: Tree) -> Tree:
    """What of a state has a gradient, as a readout is given it."""
    return split(state)[0]


def _precise(state: Tree) -> Tree:
    """The state in one precision: Python's own numbers take that of the arrays."""
    held = {name: leaf for name, leaf in named("state", state) if has_gradient(leaf)}
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
    for (name, leaf), n in zip(named("params", params), numeric, strict=True):
        if n and hasattr(leaf, "dtype"):
            supported(name, leaf.dtype)
    _finite([pair for pair, n in zip(named("params", params), numeric, strict=True) if n])
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


def _one_length(xs: Tree) -> None:
    lengths = {}
    for name, leaf in named("xs", xs):
        if leaf.ndim == 0:
            raise GradlabError(name, "is a single number, without an axis of time; pass arrays (T, ...)")
        lengths[name] = len(leaf)
    if not lengths or min(lengths.values()) == 0:
        raise GradlabError("xs", "is empty; a sequence has at least 1 step")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {steps}" for name, steps in lengths.items())
        raise GradlabError("xs", f"differs in length: {_cut(told)} steps; all leaves need the same T")


def _finite(leaves: Sequence[tuple[str, Any]]) -> None:
    """Refuse the first number that is NaN or infinite, with its place."""
    for name, leaf in leaves:
        if not has_gradient(leaf) or np.isfinite(leaf).all():
            continue
        values = np.asarray(leaf)
        at = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
        place = f"{name}[{', '.join(map(str, at))}]" if at else name
        raise GradlabError(place, f"is {values[at]}; a network starts from finite numbers")


def same_form(step: Step, params: Tree, state: Tree, x: Tree) -> None:
    """Refuse a step that changes the form of the state, or that cannot be traced."""
    try:
        after = jax.eval_shape(step, params, state, x)
    except GradlabError:
        raise
    except Exception as error:
        raise GradlabError("step", choices.said("cannot be traced by JAX", error)) from error
    before = jax.eval_shape(lambda: state)
    forms = [str(jax.tree.structure(tree)).removeprefix("PyTreeDef(")[:-1] for tree in (after, before)]
    if forms[0] != forms[1]:
        raise GradlabError(
            "step", f"returns {_cut(forms[0])} where the state is {_cut(forms[1])}; it must keep the form"
        )
    for (name, old), new in zip(named("state", before), jax.tree.leaves(after), strict=True):
        kept = old.dtype == new.dtype or (new.weak_type and has_gradient(old) and has_gradient(new))
        if old.shape != new.shape or not kept:
            was, is_now = (f"{leaf.dtype}{list(leaf.shape)}" for leaf in (old, new))
            raise GradlabError("step", f"turns {name} of {was} into {is_now}; it must keep shape and dtype")


def _cut(text: str) -> str:
    return text if len(text) <= 150 else f"{text[:147]}..."

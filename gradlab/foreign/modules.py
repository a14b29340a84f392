"""A cell of equinox or flax as somebody has made it, read into a step, its parameters and a state."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradlab.errors import GradlabError, shown
from gradlab.foreign import checkpoints, libraries
from gradlab.foreign.libraries import Hidden, HiddenMemory, Library
from gradlab.recurrence import brought
from gradlab.recurrence.trees import has_gradient

Tree = Any


class Module(NamedTuple):
    """A cell as `gradlab.measure` takes it."""

    step: Callable[[Any, Any, Any], Any]
    params: Tree
    state: Tree
    """`h`, or `h` and `c`, where the cell's own is one array or a pair."""
    xs: Tree
    readout: Callable[[Any], Any]
    recurrent: Callable[[Any], Any] | None
    """The weights that the library calls hidden-to-hidden; None where it has none."""


def meant(step: Any, params: Any, xs: Any) -> bool:
    """Whether a step is a cell of equinox or flax that is to be called as such, and not as a function.

    A module of equinox or nnx holds its parameters: beside others it is a function of somebody's.
    """
    kind = _kind(step)
    own = kind is not libraries.Linen
    return kind is not None and not (own and xs is not None and params is not None and not _named(params))


def _kind(step: Any) -> Any:
    for home, kind in libraries.MODULES.items():
        if home in sys.modules and isinstance(step, sys.modules[home].Module):
            return kind
    return None


def _named(params: Any) -> bool:
    return isinstance(params, str | Path)


def of(module: Any, params: Any, state: Any, xs: Any, axes: int) -> Module:
    """The step of a cell; `params` are those of a linen cell, or name a file or a folder of parameters.

    `xs` have so many axes (of sequences and steps) before those of an input.

    Raises:
      GradlabError: for a module that is no cell, for parameters that are not its own,
        and for a state that cannot be found.
    """
    kind = _kind(module)
    library: Library = kind(None, ())
    name = type(module).__name__
    if kind is not libraries.Linen and xs is None:
        params, xs = None, params
    if xs is None:
        raise GradlabError("xs", "is not given; pass the inputs of one sequence, an array (T, d)")
    if hasattr(module, "cell") and not hasattr(module, "initialize_carry"):
        raise GradlabError("step", f"{name} runs over a whole sequence; pass its cell")
    xs = brought.arrays("xs", xs)
    for place, leaf in brought.named("xs", xs):
        if leaf.ndim < axes or 0 in leaf.shape[:axes]:
            form = "(T, ...)" if axes == 1 else "(B, T, ...)"
            raise GradlabError(place, f"has shape {leaf.shape}; here it is {form}")
    x = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[(0,) * axes], xs))
    if kind is libraries.Linen:
        tree, beside = _of_linen(module, params, state, x), module
    elif kind is libraries.NNX:
        nnx = sys.modules["flax.nnx"]
        beside, tree, rest = nnx.split(module, nnx.Param, ...)
        if jax.tree.leaves(rest):
            raise GradlabError(
                "step", f"{name} holds variables beside its parameters; only nnx.Param is possible"
            )
    else:
        tree, beside = module, None
    if _named(params):
        tree = checkpoints.fitted(str(params), tree, checkpoints.read(Path(params)))
    start = _started(kind, module, tree, state, x)

    def step(params: Tree, state: Tree, x: Tree) -> Tree:
        return library.step(params, beside, state, x)

    step.__name__ = name
    read = lambda state: state.h if isinstance(state, Hidden | HiddenMemory) else state
    return Module(step, tree, start, xs, read, _recurrent(library, tree))


def _of_linen(module: Any, params: Any, state: Any, x: Any) -> Tree:
    if params is None:
        what = "is not given; pass what the module's init gave, or a file of it"
        raise GradlabError("params", what)
    if _named(params):
        carry = _carry(libraries.Linen, module, state, x)
        key = jax.random.key(0)
        return jax.eval_shape(lambda x: module.init(key, carry, x)["params"], x)
    own = set(params) if isinstance(params, dict) else set()
    if "params" in own and own != {"params"}:
        what = (
            f"holds {', '.join(sorted(own - {'params'}))} beside params; a cell with params alone is measured"
        )
        raise GradlabError("params", what)
    return params["params"] if own == {"params"} else params


def _carry(kind: Any, module: Any, state: Any, x: Any) -> Tree:
    """The library's own form of the initial state: as it is given, or as the cell makes it."""
    name = type(module).__name__
    if state is not None:
        return jax.tree.map(jnp.asarray, state)
    if not hasattr(module, "initialize_carry"):
        what = f"is not given, and {name} has no initialize_carry; pass the initial state"
        raise GradlabError("state", what)
    if len(jax.tree.leaves(x)) != 1:
        raise GradlabError("state", f"is not given, and xs are several arrays; pass the carry of {name}")
    shape = jax.tree.leaves(x)[0].shape
    if kind is libraries.Linen:
        return module.initialize_carry(jax.random.key(0), shape)
    return module.initialize_carry(shape, sys.modules["flax.nnx"].Rngs(0))


def _started(kind: Any, module: Any, tree: Tree, state: Any, x: Any) -> Tree:
    if kind is not libraries.Equinox:
        return libraries.from_carry(_carry(kind, module, state, x))
    if state is not None:
        own = jax.tree.map(jnp.asarray, state)
        return HiddenMemory(*own) if isinstance(own, tuple) and len(own) == 2 else _single(own)
    units = getattr(module, "hidden_size", None)
    leaves = [leaf for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype") and has_gradient(leaf)]
    if not isinstance(units, int) or not leaves:
        what = f"is not given, and {type(module).__name__} has no hidden_size; pass the initial state"
        raise GradlabError("state", what)
    zero = jnp.zeros(units, leaves[0].dtype)
    errors = []
    for start in (Hidden(zero), HiddenMemory(zero, zero)):
        try:
            after = jax.eval_shape(lambda s, x: libraries.Equinox(None, ()).step(tree, None, s, x), start, x)
        except Exception as error:
            errors.append(error)
        else:
            if jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, start):
                return start
    first = (str(errors[0]).splitlines() or [""])[0] if errors else "it gives another form"
    what = f"is not given, and neither h nor (h, c) of {units} numbers will do: {shown(first, 100)}"
    raise GradlabError("state", what)


def _single(state: Any) -> Any:
    return Hidden(state) if isinstance(state, jax.Array) else state


def _recurrent(library: Library, tree: Tree) -> Callable[[Any], Any] | None:
    pattern = re.compile(f"(.*/)?({library.recurrent})")

    def picked(params: Tree) -> dict[str, Any]:
        return {name: leaf for name, leaf in checkpoints.names(params).items() if pattern.fullmatch(name)}

    return picked if picked(tree) else None

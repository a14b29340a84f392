"""Trees that somebody brings: their leaves by name and as arrays, and what is refused of them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.recurrence.trees import has_gradient

Tree = Any


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


def untraced(root: str, tree: Tree) -> None:
    """Refuse a tree that is traced, and so has no numbers."""
    for name, leaf in named(root, tree):
        if isinstance(leaf, jax.core.Tracer):
            what = "has no value while it is traced; call this outside of jax.jit, vmap and grad"
            raise GradlabError(name, what)


def one_length(xs: Tree) -> None:
    """Refuse inputs without steps, or of different lengths."""
    lengths = {}
    for name, leaf in named("xs", xs):
        if leaf.ndim == 0:
            raise GradlabError(name, "is a single number, without an axis of time; pass arrays (T, ...)")
        lengths[name] = len(leaf)
    if not lengths or min(lengths.values()) == 0:
        raise GradlabError("xs", "is empty; a sequence has at least 1 step")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {steps}" for name, steps in lengths.items())
        raise GradlabError("xs", f"differs in length: {cut(told)} steps; all leaves need the same T")


def finite(root: str, tree: Tree) -> None:
    """Refuse a tree with a number that is NaN or infinite, by its place."""
    all_finite(named(root, tree))


def all_finite(leaves: Sequence[tuple[str, Any]]) -> None:
    """Refuse the first number that is NaN or infinite, with its place."""
    for name, leaf in leaves:
        if not has_gradient(leaf) or np.isfinite(leaf).all():
            continue
        values = np.asarray(leaf)
        at = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
        place = f"{name}[{', '.join(map(str, at))}]" if at else name
        raise GradlabError(place, f"is {values[at]}; a network starts from finite numbers")


def cut(text: str) -> str:
    """A text short enough for a line."""
    return text if len(text) <= 150 else f"{text[:147]}..."

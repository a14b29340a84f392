"""What somebody chooses of a network, in real form: its readout and its recurrent weights."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.tree_util import keystr

from gradlab.errors import GradlabError, shown
from gradlab.recurrence.pullback import depends
from gradlab.recurrence.trees import Form, decoded, encoded, form, has_gradient, merged, split

Tree = Any


def reading(readout: Callable[[Any], Any], state: Tree, shape: Form) -> Callable[[Tree], Tree]:
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
        raise GradlabError("readout", said("fails on the state", error)) from error
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


def picking(
    recurrent: Callable[[Any], Any], numbers: dict[str, Any], rebuilt: Callable[[Any], Any]
) -> Callable[[Tree], Tree]:
    """The choice of the recurrent weights in real form."""

    def pick(numbers: dict[str, Any]) -> Tree:
        found = recurrent(rebuilt(numbers))
        for path, leaf in jax.tree_util.tree_leaves_with_path(found):
            if not isinstance(leaf, jax.Array | np.ndarray | float | complex) or not has_gradient(leaf):
                raise GradlabError(
                    "w_rec", f"picks {shown(leaf)} at w_rec{keystr(path)}; it must pick weights from params"
                )
        return encoded(found, form("w_rec", found))

    try:
        closed = jax.make_jaxpr(pick)(numbers)
    except GradlabError:
        raise
    except Exception as error:
        raise GradlabError("w_rec", said("fails on params", error)) from error
    outs = depends(closed.jaxpr, [True] * len(closed.jaxpr.invars))
    if not outs or not all(outs):
        what = "nothing" if not outs else "a number that is not in params"
        raise GradlabError("w_rec", f"picks {what}; it must pick weights from params, like lambda p: p.w_hh")
    return pick


def said(what: str, error: Exception) -> str:
    """A failure of something that somebody gave, in one line."""
    lines = str(error).splitlines() or [""]
    return f"{what}: {type(error).__name__}: {shown(lines[0].strip(), 160)}; call it once in Python"

"""Networks that read a sequence from both ends, each layer and direction measured along its own lag."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.foreign.bidirectional import Bidirectional
from gradlab.recurrence import given
from gradlab.studies.sweep import alone, assembled, batches, single

if TYPE_CHECKING:
    import xarray

Tree = Any


def measure(
    both: Bidirectional, params: Tree, state: Tree, xs: Tree, *, lengths: Any, **asked: Any
) -> "xarray.Dataset":
    """What `gradlab.measure` gives of each layer and direction, on the axis `cell`.

    Raises:
      GradlabError: for params or states that are not a pair for each layer, and for what is said of the whole
        network (a loss, resets).
    """
    if not isinstance(both.layers, int) or isinstance(both.layers, bool) or both.layers < 1:
        raise GradlabError("layers", f"is {shown(both.layers)}; a whole number, 1 or more")
    require_one_direction(2, asked)
    pairs = _pairs("params", params, both.layers), _pairs("state", state, both.layers)
    turned: Callable[[Tree], Tree]
    each: Callable[[Any], Any] = lambda run: run
    if lengths is None:
        below = given.arrays("xs", xs)
        turned = lambda tree: jax.tree.map(lambda leaf: leaf[::-1], tree)
    else:
        batch = batches.of(xs, lengths, (), None, False)
        below, lengths = batch.xs, batch.lengths
        at = np.maximum(lengths[:, None] - 1 - np.arange(batch.longest), 0)
        turned = lambda tree: jax.tree.map(lambda leaf: leaf[np.arange(len(at))[:, None], at], tree)
        each = lambda run: jax.vmap(run, (None, None, 0))
    found: list[xarray.Dataset] = []
    for layer, (own, starts) in enumerate(zip(*pairs, strict=True)):
        steps, outs = (both.forward, both.backward or both.forward), []
        for end, (step, p, start) in enumerate(zip(steps, own, starts, strict=True)):
            inputs = turned(below) if end else below
            name = f"{both.name}.l{layer}" + "_reverse" * end
            how = asked if asked["readout"] is not None else asked | {"readout": both.readout}
            with single.of_part(name):
                found.append(alone.measure(named(step, name), p, start, inputs, lengths=lengths, **how))
                if layer < both.layers - 1:
                    out = _above(both.readout, step, p, start, inputs, each)
                    outs.append(turned(out) if end else out)
        below = _concatenated(outs) if outs else below
    return joined(found)


def _pairs(where: str, tree: Tree, layers: int) -> list[Sequence[Any]]:
    """What each direction of each layer has."""
    of_layers = [tree] if layers == 1 else list(tree) if isinstance(tree, list | tuple) else []
    for one in of_layers or [tree]:
        plain = isinstance(one, list | tuple) and not hasattr(one, "_fields")
        if not plain or len(one) != 2 or len(of_layers) != layers:
            each = "" if layers == 1 else f" for each of its {layers} layers"
            what = f"of a Bidirectional it is a pair, (forward, backward){each}"
            raise GradlabError(where, f"is a {type(tree).__name__} of another form; {what}")
    return of_layers


def _above(
    readout: Callable[[Any], Any], step: Any, params: Tree, start: Tree, xs: Tree, each: Callable[[Any], Any]
) -> Tree:
    """What a direction gives to the layer above; `each` makes of one sequence's run that of all."""
    numbers, rebuilt = given.parameters(params)

    def run(numbers: Tree, start: Tree, xs: Tree) -> Tree:
        return each(functools.partial(_run, readout, step))(rebuilt(numbers), start, xs)

    return single.compiled(run, numbers, jax.tree.map(jnp.asarray, start), xs)


def _run(readout: Callable[[Any], Any], step: Any, params: Tree, start: Tree, xs: Tree) -> Tree:
    """What a direction gives at each of its steps."""

    def one(state: Tree, x: Tree) -> tuple[Tree, Tree]:
        after = step(params, state, x)
        return after, readout(after)

    return jax.lax.scan(one, start, xs)[1]


def _concatenated(outs: Sequence[Tree]) -> Any:
    """The input of the layer above."""
    if any(len(jax.tree.leaves(out)) != 1 for out in outs):
        what = "gives several arrays, and the layer above reads one; return a part of the state"
        raise GradlabError("readout", what)
    return jnp.concatenate([jax.tree.leaves(out)[0] for out in outs], axis=-1)


def require_one_direction(parts: int, asked: Mapping[str, Any]) -> None:
    """Refuse what is said of the whole network where each layer and direction is measured on its own."""
    for name in ("loss", "resets"):
        if parts > 1 and asked[name] is not None:
            what = "is for one direction; in both, each layer and direction is measured on its own"
            raise GradlabError(name, f"{what}; gradlab.reach takes the whole network")


def joined(found: "Sequence[xarray.Dataset]") -> "xarray.Dataset":
    """The rows of several recurrences of one network as one dataset."""
    import xarray

    if len(found) == 1:
        return found[0]
    norms = xarray.concat(found, "cell", combine_attrs="override")
    norms.attrs["held"] = "each layer and direction along its own lag, given what those below put into it"
    said = [f"{one.cell.item()}: {one.attrs['rounded']}" for one in found if "rounded" in one.attrs]
    for name in [name for name in norms.attrs if name.startswith("rounded")]:
        del norms.attrs[name]
    return norms.assign_attrs({"rounded": "; ".join(said)} if said else {})


def named(step: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The step under a name, which is the cell's in the results."""

    def one(params: Any, state: Any, x: Any) -> Any:
        return step(params, state, x)

    one.__name__ = name
    one.rescales = assembled.rescales(step)  # type: ignore[attr-defined]
    return one

"""The network that is measured: weights of a layer from a file, or what a function of somebody's gives."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, specs
from gradlab.errors import GradlabError, shown
from gradlab.foreign import checkpoints, modules
from gradlab.foreign import spec as foreign
from gradlab.foreign.pytorch import equal, files, known, layers
from gradlab.studies.measure.settings import Measure
from gradlab.studies.sweep import alone

if TYPE_CHECKING:
    import xarray

Tree = Any
MODEL, HEAD = "MODEL", "--head"
PARTS = ("step", "params", "state", "readout")
"""What a function may give, in this order; the last may be left out."""
GIVEN = f"a torch module, a cell of equinox or nnx, (cell of linen, params), or ({', '.join(PARTS)})"
"""All that it may give."""


class Model(NamedTuple):
    """A network, ready to be measured."""

    digest: str
    """Of its weights."""
    precision: str
    """`float32` or `float64`"""
    inputs: int | None
    """Columns that it takes; None if only running it will tell."""
    readout: Callable[[Any], Any] | None
    """What of its state a loss is given; None if that is not known."""
    outputs: int
    """Numbers in that."""
    measured: Callable[..., "xarray.Dataset"]
    """`(xs, **how) -> dataset`, with the further arguments of `gradlab.measure`."""
    unseen: str
    """What of its code no digest sees; empty if that is all here."""
    module: str = ""
    """Of a function that gives it, the digest of its file."""


def of(asked: Measure) -> Model:
    """The network that settings name.

    Raises:
      GradlabError: for a file or a function that gives none, for a head that is none of its weights.
    """
    if specs.is_code(asked.model):
        for option, value in (("--arch", asked.arch), ("--activation", asked.activation), (HEAD, asked.head)):
            if value:
                raise GradlabError(option, "goes with a file of weights; a function gives a whole network")
        return _called(asked.model)
    path = Path(asked.model)
    weights = files.read(path)
    read = layers.of_options(str(path), weights, asked.arch, asked.activation)
    top = lambda state: equal.output(state if read.depth == 1 else state[f"l{read.depth - 1}"])
    readout, outputs = _head(asked, read, weights, top)
    if len(read.directions) > 1 and asked.target:
        what = "is for one direction; in both, each layer and direction is measured on its own"
        raise GradlabError("--target", what)

    def measured(xs: NDArray[Any], **how: Any) -> "xarray.Dataset":
        named: dict[str, Any] = {"arch": asked.arch, "activation": asked.activation or None}
        return alone.measure(dict(read.weights), xs, **named, **how)

    return Model(_digest(weights), read.precision, read.inputs, readout, outputs, measured, "")


def _head(
    asked: Measure, read: layers.Layers, weights: files.Weights, top: Callable[[Any], Any]
) -> tuple[Callable[[Any], Any] | None, int]:
    """The linear layer above, W h + b or W h, and how many numbers it gives."""
    if not asked.head:
        return None, 0
    names = [name.removesuffix(".weight") for name in read.beside if name.endswith(".weight")]
    linear = [name for name in names if weights[f"{name}.weight"].ndim == 2]
    if asked.head not in linear:
        has = f"it has {', '.join(linear)}" if linear else "it has none beside its recurrent layers"
        raise GradlabError(HEAD, f"{shown(asked.head)} is no linear layer of {asked.model}; {has}")
    matrix, out = weights[f"{asked.head}.weight"], read.out
    if matrix.shape[1] != out:
        what = f"{asked.head} takes {matrix.shape[1]} numbers, and the layer below gives {out}"
        raise GradlabError(HEAD, what)
    bias = weights.get(f"{asked.head}.bias", np.zeros(len(matrix), matrix.dtype))
    return (lambda state: matrix @ top(state) + bias), len(matrix)


def code(model: Model) -> digests.Code:
    """What is known of the code that measures it, beside what it computes."""
    own = {"module": model.module} if model.module else {}
    unseen = {digests.UNSEEN: model.unseen} if model.unseen else {}
    return {digests.SOURCE: digests.source(), "weights": model.digest} | own | unseen | digests.here()


@functools.lru_cache(1)
def _called(named: str) -> Model:
    """What the function `package.module:name` gives, and of which file it is."""
    home = foreign.imported(named.partition(":")[0], MODEL)
    place = getattr(home, "__file__", None)
    own = hashlib.sha256(Path(place).read_bytes()).hexdigest()[:32] if place else ""
    return _given(named)._replace(module=own)


def _given(named: str) -> Model:
    """What the function `package.module:name` gives: `GIVEN` says what that may be."""
    home, _, name = named.partition(":")
    module = foreign.imported(home, MODEL)
    function = getattr(module, name, None)
    if not callable(function):
        raise GradlabError(MODEL, f"{shown(name)} is no function of {home}; it is called without arguments")
    try:
        made = function()
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        what = f"{named} fails: {type(error).__name__}: {shown(said, 120)}; call it once in Python"
        raise GradlabError(MODEL, what) from error
    unseen = f"what {named} calls"
    if known.is_module(made):
        weights = {key: known.array(f"module.{key}", w) for key, w in made.named_parameters()}
        measured = lambda xs, **how: alone.measure(made, xs, **how)
        if not weights:
            raise GradlabError(MODEL, f"the module that {named} gives has no parameters")
        precision = str(next(iter(weights.values())).dtype)
        return Model(_digest(weights), precision, None, None, 0, measured, unseen)
    cell, own = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if modules.meant(cell, own, None):
        return _cell(named, cell, own, unseen)
    if not isinstance(made, tuple) or len(made) not in (len(PARTS) - 1, len(PARTS)) or not callable(made[0]):
        raise GradlabError(MODEL, f"{named} gives {type(made).__name__}; it gives {GIVEN}")
    step, params, state, *rest = made
    readout = rest[0] if rest else None
    numbers = [leaf for leaf in map(np.asarray, jax.tree.leaves(state)) if leaf.dtype.kind in "fc"]
    if not numbers:
        raise GradlabError(MODEL, f"the state that {named} gives has no floating-point number")
    precision = str(numbers[0].real.dtype)
    measured = lambda xs, **how: alone.measure(step, params, state, xs, **how)
    outputs = _outputs(named, readout, state) if readout is not None else 0
    leaves = dict(enumerate(map(np.asarray, jax.tree.leaves((params, state)))))
    return Model(_digest(leaves), precision, None, readout, outputs, measured, unseen)


def _cell(named: str, cell: Any, params: Tree, unseen: str) -> Model:
    """A cell of a library, with its initial state as it makes it."""
    tree = cell if params is None else params
    leaves = {name: np.asarray(leaf) for name, leaf in checkpoints.names(tree).items()}
    floats = [leaf.dtype for leaf in leaves.values() if leaf.dtype.kind == "f"]
    if not floats:
        raise GradlabError(MODEL, f"the cell that {named} gives has no parameters")

    def measured(xs: NDArray[Any], **how: Any) -> "xarray.Dataset":
        return alone.measure(cell, params, None, xs, **how)

    return Model(_digest(leaves), str(floats[0]), None, None, 0, measured, unseen)


def _outputs(named: str, readout: Callable[[Any], Any], state: Tree) -> int:
    try:
        found = jax.eval_shape(readout, state)
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        what = f"the readout that {named} gives fails: {type(error).__name__}: {shown(said, 120)}"
        raise GradlabError(MODEL, what) from error
    return sum(leaf.size for leaf in jax.tree.leaves(found))


def require_output(asked: Measure, model: Model) -> None:
    """Refuse a target where the network does not say one number."""
    if not asked.target or model.outputs == 1:
        return
    if model.readout is not None:
        what = f"is one number, and the network gives {model.outputs}; a loss of your own: gradlab.measure"
        raise GradlabError("--target", what)
    what = "needs a network that says a number: --head NAME of a file, or a function that gives a readout"
    raise GradlabError("--target", what)


def _digest(weights: Mapping[Any, NDArray[Any]]) -> str:
    found = hashlib.sha256()
    for name, values in weights.items():
        found.update(
            f"{name} {values.dtype} {values.shape}\n".encode() + np.ascontiguousarray(values).tobytes()
        )
    return found.hexdigest()[:32]

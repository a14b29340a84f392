"""Networks that read: what all of a program share, and how one is drawn."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import registry, tried
from gradlab.studies.neurons import given
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.networks import Network, Setting, initialised
from gradlab.studies.sweep.networks import stream
from gradlab.types import Remedy

CLIP = "clip_norm(1.0)"


@dataclass(frozen=True)
class Alphabet:
    """What a network sees of the text: as many symbols go in as come out."""

    symbols: int

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers that go in and come out of the network at each step."""
        return self.symbols, self.symbols


def settings(asked: Neurons, symbols: int) -> dict[str, Setting]:
    """Each cell at equal parameters: as many as the one with most has, with the units that are asked for.

    Of weights from a file it is the one cell that they make.
    """
    sizes = (symbols, symbols)
    if asked.weights:
        model = given.of(asked)
        tried.at(symbols, model.hidden)
        cell = registry.make("cells", model.spec)
        one = Setting(Alphabet(symbols), cell, _clip(), asked.T, model.hidden, asked.batch, "adam")
        return {model.spec: one}
    tried.at(symbols, asked.hidden)
    cells = {spec: registry.make("cells", spec) for spec in asked.cell}
    most = max(arms.count(cell, sizes, asked.hidden) for cell in cells.values())
    clip = _clip()
    return {
        spec: Setting(
            Alphabet(symbols),
            cell,
            clip,
            asked.T,
            arms.matched(cell, sizes, most) if len(cells) > 1 else asked.hidden,
            asked.batch,
            "adam",
        )
        for spec, cell in cells.items()
    }


@functools.cache
def _clip() -> Remedy:
    """One and the same, so that equal settings share a program."""
    made: Remedy = registry.make("remedies", CLIP)()
    return made


def drawn(asked: Neurons, spec: str, setting: Setting, rate: float, name: str = "reading") -> Network:
    """A fresh network of a cell; it is the same at every rate.

    Cells draw their input weights for inputs of variance 1, N(0, 1/D). Of a one-hot vector one entry alone is
    there: they are multiplied by sqrt(D), so that a symbol moves a unit as much as such an input would.
    """
    key = stream(asked.seed, name, cell=spec, hidden=setting.hidden, symbols=setting.task.symbols)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        network: Network = _drawing(setting, asked.init)(key, jnp.float32(rate))
    return network


@functools.cache
def _drawing(setting: Setting, init: str) -> Any:
    """`(key, rate) -> network`."""
    initializer = registry.make("initializers", init)
    return jax.jit(lambda key, rate: _louder(initialised(setting, initializer, 1.0, rate, key, jnp.float32)))


def _louder(network: Network) -> Network:
    def one(path: tuple[Any, ...], leaf: Any) -> Any:
        return leaf * math.sqrt(leaf.shape[-1]) if getattr(path[-1], "name", None) == "w_in" else leaf

    cell = jax.tree_util.tree_map_with_path(one, network.weights.cell)
    return network._replace(weights=network.weights._replace(cell=cell))


def units(setting: Setting, state: Any) -> list[str]:
    """The leaves of a state with one real number per unit, by their names: what can be a detector."""
    return [
        name
        for name, leaf in leaves(state)
        if leaf.shape == (setting.hidden,) and jnp.issubdtype(leaf.dtype, jnp.floating)
    ]


def unit_names(setting: Setting) -> list[str]:
    """The names of `units`, nothing drawn."""
    cell, symbols = setting.cell, setting.task.symbols
    zero = lambda key, n: jnp.zeros((n, n))
    init = lambda key: cell.init(key, symbols, setting.hidden, 1.0, zero)
    return units(setting, jax.eval_shape(init, jax.random.key(0))[1])


def leaves(tree: Any) -> list[tuple[str, Any]]:
    """The leaves of a tree and their names, such as `h` and `layers_0_c`."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return [(leaf_name(jax.tree_util.keystr(path, simple=True, separator="/")), leaf) for path, leaf in paths]


def leaf_name(path: str) -> str:
    """What a leaf is called in a run, by its path in the state, as `memory` of a cell has it.

    >>> leaf_name("c"), leaf_name("layers/0/c"), leaf_name("1/h"), leaf_name("")
    ('c', 'layers_0_c', 'part_1_h', 'part')
    """
    name = path.replace("/", "_")
    return name if name.isidentifier() else f"part_{name}".rstrip("_")

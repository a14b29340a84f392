"""How the cells of equinox and flax, and plain functions, are drawn and stepped; imports neither library."""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from gradlab.recurrence.surrogates import declared
from gradlab.types import Input, Key

Tree = Any
Settings = tuple[tuple[str, Any], ...]


class Hidden(NamedTuple):
    """A state of one array."""

    h: Any


class HiddenMemory(NamedTuple):
    """A state of two arrays, as an LSTM has."""

    h: Any
    c: Any


class Drawn(NamedTuple):
    """What a library draws: a tree of arrays, what the library needs beside it, the state."""

    tree: Tree
    beside: Hashable
    state: Tree


@runtime_checkable
class Library(Protocol):
    """How to use a cell of one library; frozen."""

    recurrent: ClassVar[str]
    """Paths of hidden-to-hidden weights, a regular expression."""

    def draw(self, key: Key, d_in: int, d_hidden: int) -> Drawn:
        """Draw a cell."""
        ...

    @property
    def surrogate(self) -> bool:
        """Whether the backward pass is declared to differ from the derivative on purpose."""
        ...

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        """One step."""
        ...


@dataclasses.dataclass(frozen=True)
class Plain:
    """A step function, and `init(key, d_in, d_hidden) -> (params, state)`."""

    function: Callable[[Any, Any, Any], Any]
    initial: Callable[[Any, int, int], tuple[Any, Any]]

    recurrent: ClassVar[str] = "w_rec"

    @property
    def surrogate(self) -> bool:
        return declared(self.function)

    def draw(self, key: Key, d_in: int, d_hidden: int) -> Drawn:
        params, state = self.initial(key, d_in, d_hidden)
        return Drawn(params, None, state)

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return self.function(tree, state, x)


@dataclasses.dataclass(frozen=True)
class Equinox:
    """An `equinox.Module` called as `cell(x, state)`; the state is `h`, or the pair `(h, c)`."""

    factory: Any
    settings: Settings

    recurrent: ClassVar[str] = "weight_hh"

    @property
    def surrogate(self) -> bool:
        return declared(self.factory)

    def draw(self, key: Key, d_in: int, d_hidden: int) -> Drawn:
        module = self.factory(d_in, d_hidden, key=key, **dict(self.settings))
        zero = jnp.zeros(d_hidden, float)
        errors = []
        for state in (Hidden(zero), HiddenMemory(zero, zero)):
            try:
                after = jax.eval_shape(self.step, module, None, state, jnp.zeros(d_in, float))
            except Exception as error:
                errors.append(error)
            else:
                if jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state):
                    return Drawn(module, None, state)
        raise errors[0] if errors else ValueError("the state is neither an array (N,) nor a pair of them")

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return Hidden(tree(x, state.h)) if isinstance(state, Hidden) else HiddenMemory(*tree(x, tuple(state)))


@dataclasses.dataclass(frozen=True)
class Linen:
    """A `flax.linen` cell: `Name(features=N)`, `initialize_carry`, `(carry, x) -> (carry, y)`."""

    factory: Any
    settings: Settings

    recurrent: ClassVar[str] = "(dense_)?h[a-z]?/kernel"

    @property
    def surrogate(self) -> bool:
        return declared(self.factory)

    def draw(self, key: Key, d_in: int, d_hidden: int) -> Drawn:
        module = self.factory(features=d_hidden, **dict(self.settings))
        carry = module.initialize_carry(key, (d_in,))
        variables = module.init(key, carry, jnp.zeros(d_in, float))
        if set(variables) != {"params"}:
            raise ValueError(f"it holds {', '.join(variables)}; only params are possible")
        return Drawn(variables["params"], module, from_carry(carry))

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return from_carry(beside.apply({"params": tree}, _to_carry(state), x)[0])


@dataclasses.dataclass(frozen=True)
class NNX:
    """A `flax.nnx` cell: `Name(D, N, rngs=...)`, `initialize_carry`, `(carry, x) -> (carry, y)`."""

    factory: Any
    settings: Settings

    recurrent: ClassVar[str] = Linen.recurrent

    @property
    def surrogate(self) -> bool:
        return declared(self.factory)

    def draw(self, key: Key, d_in: int, d_hidden: int) -> Drawn:
        nnx = sys.modules["flax.nnx"]
        chosen = dict(self.settings)
        # flax's SimpleCell alone computes in float32 unless told to follow its parameters.
        if "dtype" in inspect.signature(self.factory.__init__).parameters:
            chosen = {"dtype": None} | chosen
        module = self.factory(d_in, d_hidden, rngs=nnx.Rngs(key), **chosen)
        carry = module.initialize_carry((d_in,), nnx.Rngs(key))
        graph, params, rest = nnx.split(module, nnx.Param, ...)
        if jax.tree.leaves(rest):
            raise ValueError("it holds variables beside its parameters; only nnx.Param is possible")
        return Drawn(params, graph, from_carry(carry))

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return from_carry(sys.modules["flax.nnx"].merge(beside, tree)(_to_carry(state), x)[0])


def from_carry(carry: Tree) -> Tree:
    """A carry `h` or `(c, h)` of flax under our names; any other carry as it is."""
    if isinstance(carry, tuple) and len(carry) == 2:
        return HiddenMemory(h=carry[1], c=carry[0])
    return Hidden(carry) if isinstance(carry, jax.Array) else carry


def _to_carry(state: Tree) -> Tree:
    if isinstance(state, HiddenMemory):
        return (state.c, state.h)
    return state.h if isinstance(state, Hidden) else state


MODULES: dict[str, Callable[[Any, Settings], Library]] = {
    "equinox": Equinox,
    "flax.linen": Linen,
    "flax.nnx": NNX,
}
"""The module that holds a library's class `Module`, and how its cells are used."""

"""How cells of equinox and flax, and plain functions, are drawn and stepped; imports none of them."""

import dataclasses
import enum
import inspect
import re
import sys
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from gradlab.errors import GradlabError
from gradlab.recurrence.surrogates import declared
from gradlab.recurrence.trees import decoded, encoded, form, has_gradient, supported
from gradlab.types import Cell, Initializer, Input, Key, Scalar

Tree = Any
Settings = tuple[tuple[str, Any], ...]


class Hidden(NamedTuple):
    """A state of one array."""

    h: Any


class HiddenMemory(NamedTuple):
    """A state of two arrays, as an LSTM has."""

    h: Any
    c: Any


@jax.tree_util.register_pytree_with_keys_class
class Weights:
    """The floating-point arrays of a cell by path, and what makes them that cell again."""

    def __init__(self, numbers: dict[str, Any], rest: tuple[Any, ...]) -> None:
        self.numbers = numbers
        self.rest = rest

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        """Numbers are children; the rest belongs to the structure."""
        children = [(jax.tree_util.DictKey(name), leaf) for name, leaf in self.numbers.items()]
        return children, (tuple(self.numbers), self.rest)

    @classmethod
    def tree_unflatten(cls, structure: Any, leaves: Any) -> "Weights":
        """The inverse."""
        return cls(dict(zip(structure[0], leaves, strict=True)), structure[1])


class _Number(enum.Enum):
    """The place of a parameter among the leaves of a cell."""

    REAL = 0
    COMPLEX = 1


_REAL, _COMPLEX = _Number


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
class Foreign(Cell[Weights, Any]):
    """A cell of another library in the place of ours."""

    library: Library
    paths: tuple[str, ...] = ()
    """Hidden-to-hidden weights by path, where they are not the library's usual ones."""

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Weights, Any]:
        del initializer
        tree, beside, state = self.library.draw(key, d_in, d_hidden)
        leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
        numbers, others = {}, []
        for keys, leaf in leaves:
            name = jax.tree_util.keystr(keys, simple=True, separator="/").removesuffix("/value")
            gain = jnp.asarray(w_rec if self._is_recurrent(name) else 1, float)
            if is_float(leaf):
                numbers[name] = jnp.asarray(leaf, float) * gain
                others.append(_REAL)
            elif isinstance(leaf, jax.Array) and jnp.iscomplexobj(leaf):
                numbers[name] = jnp.stack([leaf.real, leaf.imag]).astype(float) * gain
                others.append(_COMPLEX)
            elif isinstance(leaf, jax.Array):
                raise GradlabError("--cell", f"{name} is an array of {leaf.dtype}; parameters are floats")
            else:
                others.append(leaf)
        for path in self.paths:
            if not any(_matches(path, name) for name in numbers):
                raise GradlabError("--cell", f"no parameter called {path}; known: {', '.join(numbers)}")
        state = jax.tree_util.tree_map_with_path(_wide, state)
        shape = form("state", state)
        return Weights(numbers, (structure, tuple(others), beside, shape)), encoded(state, shape)

    def step(self, params: Weights, state: Any, x: Input) -> Any:
        structure, others, beside, shape = params.rest
        numbers = iter(params.numbers.values())
        own = {_REAL: lambda leaf: leaf, _COMPLEX: lambda leaf: jax.lax.complex(leaf[0], leaf[1])}
        leaves = [own[leaf](next(numbers)) if isinstance(leaf, _Number) else leaf for leaf in others]  # type: ignore[no-untyped-call]
        after = self.library.step(jax.tree.unflatten(structure, leaves), beside, decoded(state, shape), x)
        return encoded(after, shape)

    @property
    def has_gain(self) -> bool:
        """Whether any weight is known to be hidden-to-hidden."""
        drawn = jax.eval_shape(lambda key: self.init(key, 3, 4, 1.0, _no_initializer)[0], jax.random.key(0))
        return bool(self.recurrent(drawn))

    @property
    def surrogate(self) -> bool:
        """As the function or class says."""
        return self.library.surrogate

    @property
    def memory(self) -> str:
        """`c` of a state that has one."""
        return "c" if self._state_has("c") else "h"

    def readout(self, state: Any) -> Any:
        """The part `h` of a state that has one, else all of it."""
        return state["h"] if isinstance(state, dict) and "h" in state else getattr(state, "h", state)

    def recurrent(self, params: Weights) -> Any:
        """The hidden-to-hidden weights by path."""
        return {name: leaf for name, leaf in params.numbers.items() if self._is_recurrent(name)}

    def _is_recurrent(self, name: str) -> bool:
        if self.paths:
            return any(_matches(path, name) for path in self.paths)
        return re.fullmatch(f"(.*/)?({self.library.recurrent})", name) is not None

    def _state_has(self, part: str) -> bool:
        state = jax.eval_shape(lambda key: self.init(key, 3, 4, 1.0, _no_initializer)[1], jax.random.key(0))
        return part in state if isinstance(state, dict) else hasattr(state, part)


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


def _from_carry(carry: Tree) -> Tree:
    """A carry `h` or `(c, h)` of flax under our names; any other carry as it is."""
    if isinstance(carry, tuple) and len(carry) == 2:
        return HiddenMemory(h=carry[1], c=carry[0])
    return Hidden(carry) if isinstance(carry, jax.Array) else carry


def _to_carry(state: Tree) -> Tree:
    if isinstance(state, HiddenMemory):
        return (state.c, state.h)
    return state.h if isinstance(state, Hidden) else state


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
        return Drawn(variables["params"], module, _from_carry(carry))

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return _from_carry(beside.apply({"params": tree}, _to_carry(state), x)[0])


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
        return Drawn(params, graph, _from_carry(carry))

    def step(self, tree: Tree, beside: Any, state: Tree, x: Input) -> Tree:
        return _from_carry(sys.modules["flax.nnx"].merge(beside, tree)(_to_carry(state), x)[0])


MODULES: dict[str, Callable[[Any, Settings], Library]] = {
    "equinox": Equinox,
    "flax.linen": Linen,
    "flax.nnx": NNX,
}
"""The module that holds a library's class `Module`, and how its cells are used."""


def value(text: str) -> Any:
    """A setting's text as what it looks like: true, false, None, a number, or text."""
    words = {"true": True, "false": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def is_float(leaf: Any) -> bool:
    """Whether a leaf is a floating-point array or number."""
    return isinstance(leaf, float) or (hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating))


def _matches(path: str, name: str) -> bool:
    """Whether a parameter's name is that path, ends with it, or lies in that folder."""
    return f"/{path}/" in f"/{name}/"


def _wide(path: Any, leaf: Any) -> Any:
    """A leaf of a drawn state in double precision; half precision would be measured as something else."""
    found = jnp.asarray(leaf)
    if not has_gradient(found):
        return found
    try:
        supported(f"state{jax.tree_util.keystr(path)}", found.dtype)
    except GradlabError as error:
        raise GradlabError("--cell", f"{error.where} {error.what}") from error
    return found.astype(complex if jnp.iscomplexobj(found) else float)


def _no_initializer(key: Key, n: int) -> Any:
    raise AssertionError("a foreign cell draws its own weights")

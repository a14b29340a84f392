"""A cell of another library in the place of ours: its floating-point arrays are our parameters."""

import dataclasses
import enum
import re
from typing import Any

import jax
import jax.numpy as jnp

from gradlab.errors import GradlabError
from gradlab.foreign.libraries import Library
from gradlab.recurrence.trees import decoded, encoded, form, has_gradient, supported
from gradlab.types import Cell, Initializer, Input, Key, Scalar


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


@dataclasses.dataclass(frozen=True)
class Foreign(Cell[Weights, Any]):
    """A cell of another library in the place of ours."""

    library: Library
    paths: tuple[str, ...] = ()
    """Hidden-to-hidden weights by path, where they are not the library's usual ones."""
    sizes: tuple[int, int] = (3, 4)
    """D and N that it can be drawn with."""

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
        return bool(self.recurrent(self._drawn()[0]))

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

    def _drawn(self) -> tuple[Weights, Any]:
        """The form of its weights and of its state."""
        draw = lambda key: self.init(key, *self.sizes, 1.0, _no_initializer)
        params, state = jax.eval_shape(draw, jax.random.key(0))
        return params, state

    def _state_has(self, part: str) -> bool:
        state = self._drawn()[1]
        return part in state if isinstance(state, dict) else hasattr(state, part)


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

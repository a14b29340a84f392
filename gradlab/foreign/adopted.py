"""A class with `init` and `step` in the place of a cell: what else a cell says of itself has its defaults."""

import dataclasses
import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import tried
from gradlab.errors import GradlabError, shown
from gradlab.recurrence.surrogates import declared
from gradlab.recurrence.trees import Form, decoded, encoded, form, has_gradient
from gradlab.types import Cell, Initializer, Input, Key, Scalar

Tree = Any
OPTION = "--cell"
METHODS = {"init": ("key", "d_in", "d_hidden", "w_rec", "initializer"), "step": ("params", "state", "x")}
"""What makes a cell, and what it is called with."""


def adopted(made: Any, name: str | None = None) -> Any:
    """`made` as a cell: itself if it is one of real numbers already, otherwise inside an `Adopted`.

    Raises:
      GradlabError: if it lacks `init` or `step`, or one of them takes something else.
    """
    name = name or type(made).__name__
    lacking = [key for key in METHODS if not callable(getattr(made, key, None))]
    if lacking:
        wanted = " and ".join(f"{key}({', '.join(METHODS[key])})" for key in lacking)
        raise GradlabError(OPTION, f"{name} lacks {wanted}; a cell has the methods init and step")
    for key, arguments in METHODS.items():
        try:
            inspect.signature(getattr(made, key)).bind(*arguments)
        except TypeError as error:
            wanted = f"{key}({', '.join(arguments)})"
            raise GradlabError(OPTION, f"{name} needs {wanted}; its {key} takes other arguments") from error
        except ValueError:
            continue
    plain = all(kind in ("real", "rest", None) for form in _forms(made) for kind in form)
    if plain and Cell in type(made).__mro__:
        return made
    return Adopted(made)


@functools.cache
def _forms(made: Any) -> tuple[Form, Form]:
    """What the leaves of its params and of its state are."""
    found = []

    def try_out(key: Key) -> None:
        drawn = made.init(key, *tried.sizes(), 1.0, _normal)
        if not isinstance(drawn, tuple) or len(drawn) != 2:
            raise TypeError(f"init returns {shown(drawn)}, and not (params, state)")
        found.append((form("params", drawn[0]), form("state", drawn[1])))

    jax.eval_shape(try_out, jax.random.key(0))
    return found[0]


def _normal(key: Key, n: int) -> Any:
    return jax.random.normal(key, (n, n), float) / jnp.sqrt(float(n))


@dataclasses.dataclass(frozen=True)
class Adopted(Cell[Any, Any]):
    """Somebody's cell, its params and state in real form."""

    made: Any

    def __str__(self) -> str:
        return type(self.made).__name__

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Tree, Tree]:
        params, state = self.made.init(key, d_in, d_hidden, w_rec, initializer)
        shapes = form("params", params), form("state", state)
        state = jax.tree.map(lambda leaf: leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf), state)
        return encoded(params, shapes[0]), encoded(state, shapes[1])

    def step(self, params: Tree, state: Tree, x: Input) -> Tree:
        of_params, of_state = _forms(self.made)
        after = self.made.step(decoded(params, of_params), decoded(state, of_state), x)
        return encoded(after, of_state)

    def readout(self, state: Tree) -> Any:
        """The cell's own, or the part `h` of a state that has one, or all of it."""
        whole = decoded(state, _forms(self.made)[1])
        read = getattr(self.made, "readout", None)
        if read is None:
            read = lambda s: s["h"] if isinstance(s, dict) and "h" in s else getattr(s, "h", s)
        found = read(whole)
        return encoded(found, form("readout", found))

    def recurrent(self, params: Tree) -> Any:
        """The cell's own choice, or what is called `w_rec`."""
        whole = decoded(params, _forms(self.made)[0])
        pick = getattr(self.made, "recurrent", None)
        if pick is None:
            pick = lambda p: p["w_rec"] if isinstance(p, dict) else p.w_rec
        found = pick(whole)
        return encoded(found, form("recurrent", found))

    def gate_values(self, params: Tree, state: Tree, x: Input) -> dict[str, Any]:
        """The cell's own, or none."""
        if not hasattr(self.made, "gate_values"):
            return {}
        of_params, of_state = _forms(self.made)
        found: dict[str, Any] = self.made.gate_values(decoded(params, of_params), decoded(state, of_state), x)
        return found

    @property
    def gates(self) -> tuple[str, ...]:
        return getattr(self.made, "gates", ())

    @property
    def surrogate(self) -> bool:
        """Whether the cell, or its step, is declared to be one."""
        return declared(self.made.step)

    @property
    def memory(self) -> str:
        return getattr(self.made, "memory", "h")

    @property
    def fixed(self) -> tuple[str, ...]:
        return getattr(self.made, "fixed", ())

    @property
    def has_gain(self) -> bool:
        return getattr(self.made, "has_gain", True)

    @property
    def rescales(self) -> bool:
        return getattr(self.made, "rescales", False)

    @property
    def carry_gate(self) -> str | None:
        return getattr(self.made, "carry_gate", None)

    def mean_field(self, w_rec: float, drive: Any) -> Any:
        """The cell's own, or None."""
        return self.made.mean_field(w_rec, drive) if hasattr(self.made, "mean_field") else None

    def rate_theory(self, w_rec: float) -> float | None:
        """The cell's own, or None."""
        return self.made.rate_theory(w_rec) if hasattr(self.made, "rate_theory") else None


def refuse_what_cannot_be_read(made: Any, params: Tree, state: Tree) -> None:
    """Refuse a cell whose readout or recurrent weights are not there, saying what to write.

    `state` holds what has a gradient alone.
    """
    for name, advice, given in (
        ("readout", "write readout(self, state), which returns numbers of the state", state),
        ("recurrent", "write recurrent(self, params), which returns the recurrent weights", params),
    ):
        try:
            found = jax.tree.leaves(jax.eval_shape(getattr(made, name), given))
        except GradlabError:
            raise
        except Exception as error:
            lines = str(error).splitlines() or [""]
            what = f"{name} fails: {type(error).__name__}: {shown(lines[0], 120)}"
            raise GradlabError(OPTION, f"{what}; {advice}") from error
        if not found or not all(has_gradient(leaf) for leaf in found):
            raise GradlabError(OPTION, f"{name} gives no numbers that have a gradient; {advice}")

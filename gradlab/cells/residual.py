"""Any cell with a skip connection over time."""

import dataclasses
import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.cells._wrapper import Wrapper, read_out
from gradlab.types import Hidden, Initializer, Input, Key, Scalar


class State(NamedTuple):
    """The cell's own state, and what it read out at the steps t-2, t-3 .. t-skip (None where skip is 1)."""

    cell: Any
    past: Float[Array, "older N"] | None


@dataclasses.dataclass(frozen=True)
class Residual(Wrapper[Any, State]):
    """Any cell with a skip connection over `skip` steps: a path of few steps beside that of many.

    h_t = F(h_{t-1} + strength h_{t-skip}, x_t)     join=before: the cell reads the older state, too
    h_t = F(h_{t-1}, x_t) + strength h_{t-skip}     join=after: an identity path that passes the cell by

    F is the step of `cell` and h the part of its state that its readout reads; other parts (the c of an
    lstm) are left alone. With join=before the skip uses the cell's own weights, and its gradient meets
    them once in `skip` steps. With join=after it meets none: with strength=1 it does not vanish, and the
    state of a cell that is otherwise bounded may grow with T. strength=0 is the cell itself. The memory
    is the cell's; the older states are the part `past`.

    Reference: Lin, Horne, Tino, Giles 1996, Learning long-term dependencies in NARX recurrent neural
    networks; Zhang et al. 2016, Architectural complexity measures of recurrent neural networks; He, Zhang,
    Ren, Sun 2016, Deep residual learning for image recognition, for the identity path.
    """

    cell: str = "elman"
    skip: int = 4
    strength: float = 1.0
    join: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        if self.skip < 1:
            raise ValueError(f"skip={self.skip} must be at least 1")
        if not math.isfinite(self.strength):
            raise ValueError(f"strength={self.strength} must be finite")
        super().__post_init__()

    @property
    def memory(self) -> str:
        return f"cell/{self.inner.memory}"

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Any, State]:
        params, own = self.inner.init(key, d_in, d_hidden, w_rec, initializer)
        h = self.inner.readout(own)
        return params, State(own, jnp.stack([h] * (self.skip - 1)) if self.skip > 1 else None)

    def step(self, params: Any, state: State, x: Input) -> State:
        h = self.inner.readout(state.cell)
        own = self.inner.step(params, self._read(state), x)
        if self.join == "after":
            own = self._add(own, _oldest(state, h))
        if state.past is None:
            return State(own, None)
        return State(own, jnp.concatenate([h[None], state.past[:-1]]))

    def readout(self, state: State) -> Hidden:
        return self.inner.readout(state.cell)

    def recurrent(self, params: Any) -> Any:
        return self.inner.recurrent(params)

    def gate_values(self, params: Any, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        return self.inner.gate_values(params, self._read(state), x)

    def _read(self, state: State) -> Any:
        """The state that the cell's step is given."""
        if self.join == "after":
            return state.cell
        return self._add(state.cell, _oldest(state, self.inner.readout(state.cell)))

    def _add(self, own: Any, older: Hidden) -> Any:
        """The cell's state with `strength` times an older readout added to the part that is read out."""
        at = read_out(self.inner, own)
        leaves, structure = jax.tree.flatten(own)
        leaves[at] = leaves[at] + self.strength * older
        return jax.tree.unflatten(structure, leaves)


def _oldest(state: State, h: Hidden) -> Hidden:
    return h if state.past is None else state.past[-1]

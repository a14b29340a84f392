"""Long short-term memory, and each of its parts taken away."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.cells import _biases
from gradlab.recurrence.activations import sigmoid, tanh
from gradlab.theory import mean_field
from gradlab.theory.mean_field import Drive, MeanField
from gradlab.types import Cell, Initializer, Input, Key, Scalar

COLOR = "#b84a00"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and biases of the gates that there are, of i, f, g, o in this order."""

    w_in: Float[Array, "K N D"]
    w_rec: Float[Array, "K N N"]
    b: Float[Array, "K N"]


class State(NamedTuple):
    """The hidden state and the memory cell."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]


class LinkedParams(NamedTuple):
    """The same, and the matrix from each gate G to each other one."""

    w_in: Float[Array, "K N D"]
    w_rec: Float[Array, "K N N"]
    w_gates: Float[Array, "G G N N"]
    b: Float[Array, "K N"]


class LinkedState(NamedTuple):
    """The same, and how far each gate was open."""

    h: Float[Array, " N"]
    c: Float[Array, " N"]
    gates: Float[Array, "G N"]


@dataclasses.dataclass(frozen=True)
class LSTM(Cell[Params | LinkedParams, State | LinkedState]):
    """Long short-term memory; the memory c is carried from step to step by the forget gate alone.

    i = σ(W_i h + U_i x + b_i)      g = tanh(W_g h + U_g x + b_g)
    f = σ(W_f h + U_f x + b_f)      o = σ(W_o h + U_o x + b_o)
    c' = f c + i g                  h' = o tanh(c')

    with W = w_rec, U = w_in; b_f starts at `forget_bias`, or, with `chrono` = the longest time scale
    expected, at log(u), u ~ Uniform(1, chrono - 1), and b_i at -b_f.

    Each part can be taken away. Without its gate, i, f or o is 1; without its activation, a tanh is the
    identity: that of g is `input_activation`, that of c' is `output_activation`. `full_gate_recurrence`
    adds Σ_l V_kl l to what goes into each gate k, l running over the gates i, f, o of the step before and
    V = w_gates, drawn and scaled as W.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory; Gers, Schmidhuber, Cummins 2000,
    Learning to forget; Greff et al. 2017, LSTM: a search space odyssey, for the parts (its full cell also
    has peepholes); Tallec, Ollivier 2018, Can recurrent neural networks warp time?, for `chrono`.
    """

    forget_bias: float = 1.0
    input_gate: bool = True
    forget_gate: bool = True
    output_gate: bool = True
    input_activation: bool = True
    output_activation: bool = True
    full_gate_recurrence: bool = False
    chrono: float = 0.0

    memory = "c"
    drawn = ("forget_bias", "chrono")

    def __post_init__(self) -> None:
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias={self.forget_bias} must be finite")
        _biases.check_chrono(self.chrono)
        if self.chrono and not self.forget_gate:
            raise ValueError(f"chrono={self.chrono} must be 0 where forget_gate=false")
        if self.full_gate_recurrence and self.gates == ("g",):
            raise ValueError("full_gate_recurrence=true must come with at least one gate")

    @property
    def gates(self) -> tuple[str, ...]:
        """Those of i, f, g, o that there are."""
        there = {"i": self.input_gate, "f": self.forget_gate, "g": True, "o": self.output_gate}
        return tuple(name for name, is_there in there.items() if is_there)

    @property
    def carry_gate(self) -> str | None:
        """The forget gate, if there is one."""
        return "f" if self.forget_gate else None

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params | LinkedParams, State | LinkedState]:
        key_in, key_rec = jax.random.split(key)
        # Further keys by number: what the plain cell draws depends on no setting.
        key_links, key_bias = (jax.random.fold_in(key, k) for k in (2, 3))
        count = len(self.gates)

        def recurrent(key: Key, count: int) -> Float[Array, "K N N"]:
            unit = jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(key, count)).astype(float)
            return jnp.asarray(w_rec, unit.dtype) * unit

        w_in = jax.random.normal(key_in, (count, d_hidden, d_in), float) / math.sqrt(d_in)
        b, w = self._biases(key_bias, d_hidden), recurrent(key_rec, count)
        zero = jnp.zeros(d_hidden, float)
        if not self.full_gate_recurrence:
            return Params(w_in, w, b), State(h=zero, c=zero)
        links = recurrent(key_links, (count - 1) ** 2).reshape(count - 1, count - 1, d_hidden, d_hidden)
        state = LinkedState(h=zero, c=zero, gates=jnp.zeros((count - 1, d_hidden), float))
        return LinkedParams(w_in, w, links, b), state

    def _biases(self, key: Key, n: int) -> Float[Array, "K {n}"]:
        first: dict[str, Any] = dict.fromkeys(self.gates, 0.0)
        if self.chrono:
            slow = _biases.chrono(key, n, self.chrono)
            first |= {"f": slow, "i": -slow}
        elif self.forget_gate:
            first["f"] = self.forget_bias
        return jnp.stack([jnp.broadcast_to(jnp.asarray(first[name], float), n) for name in self.gates])

    def step(
        self, params: Params | LinkedParams, state: State | LinkedState, x: Input
    ) -> State | LinkedState:
        opened, g = self._gates(params, state, x)
        c = state.c if "f" not in opened else opened["f"] * state.c
        c = c + (g if "i" not in opened else opened["i"] * g)
        h = tanh(c) if self.output_activation else c
        h = h if "o" not in opened else opened["o"] * h
        if isinstance(state, LinkedState):
            return LinkedState(h, c, jnp.stack(list(opened.values())))
        return State(h, c)

    def _gates(
        self, params: Params | LinkedParams, state: State | LinkedState, x: Input
    ) -> tuple[dict[str, Float[Array, " N"]], Float[Array, " N"]]:
        """The openings of the gates that there are, and g."""
        given = params.w_in @ x + params.b
        # One product per gate: their transposes run twice as fast as that of one batched product.
        rows = zip(self.gates, jnp.unstack(given), jnp.unstack(params.w_rec), strict=True)
        a = {name: a + w @ state.h for name, a, w in rows}
        g = tanh(a.pop("g")) if self.input_activation else a.pop("g")
        if isinstance(params, LinkedParams) and isinstance(state, LinkedState):
            links = jnp.einsum("klnm,lm->kn", params.w_gates, state.gates)
            a = {name: a[name] + link for name, link in zip(a, links, strict=True)}
        return {name: sigmoid(a[name]) for name in a}, g

    def gate_values(
        self, params: Params | LinkedParams, state: State | LinkedState, x: Input
    ) -> dict[str, Float[Array, " N"]]:
        return self._gates(params, state, x)[0]

    def recurrent(self, params: Params | LinkedParams) -> Any:
        """W, and V if there is one."""
        return (params.w_rec, params.w_gates) if isinstance(params, LinkedParams) else params.w_rec

    def mean_field(self, w_rec: float, drive: Drive) -> MeanField | None:
        """Of the plain cell alone; chi is that of matrices drawn anew at every step."""
        if self != LSTM(forget_bias=self.forget_bias):
            return None
        return mean_field.lstm(w_rec, drive, forget_bias=self.forget_bias)


DIAGRAM = """
any forget_bias chrono
with LSTM FORGET_AND_INPUT
c -- xf = f
xf -- add ~ 1
add -- k ~ 1
"""

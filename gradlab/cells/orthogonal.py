"""Recurrent network whose matrix stays orthogonal while it learns."""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import activations
from gradlab.recurrence.activations import relu
from gradlab.types import Cell, Hidden, Initializer, Input, Key, Scalar

COLOR = "#7b6ae5"
"""Of its curves and titles in every figure."""


class Params(NamedTuple):
    """Weights and bias; `mirrors` are the normals of M reflections."""

    w_in: Float[Array, "N D"]
    w_rec: Float[Array, "N N"]
    mirrors: Float[Array, "M N"]
    b: Float[Array, " N"]


class State(NamedTuple):
    """The hidden state."""

    h: Float[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Orthogonal(Cell[Params, State]):
    """Elman's network with w_rec times an orthogonal matrix, before and after any training.

    h' = f(W h + W_in x + b),       W = W_rec R(v_M) ... R(v_1),       R(v) = 1 - 2 v v^T / |v|^2
    h' = sign(a) max(|a| + b, 0),   a = W h + W_in x                   activation=modrelu

    W_rec is fixed: w_rec times an orthogonal matrix. Training turns the M = `reflections` mirrors v, which
    a gradient step can never make other than orthogonal. W starts as w_rec times the initialiser's matrix
    Q, or, if that one is not orthogonal, times the factor Q of its QR decomposition. A product of M
    reflections costs 2 M / N of a matrix product; M = N reaches every Q of one determinant.

    The weight gradient by lag is that of W_rec, of the same norm as that of W itself.

    Reference: Mhammedi, Hellicar, Rahman, Bailey 2017, Efficient orthogonal parametrisation of recurrent
    neural networks using Householder reflections; Arjovsky, Shah, Bengio 2016, Unitary evolution recurrent
    neural networks, for modrelu.
    """

    activation: Literal["tanh", "relu", "sigmoid", "identity", "modrelu"] = "tanh"
    reflections: int = 8

    fixed = ("w_rec",)

    def __post_init__(self) -> None:
        if self.reflections < 1:
            raise ValueError(f"reflections={self.reflections} must be at least 1")

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        key_in, key_rec, key_mirrors = jax.random.split(key, 3)
        w_in = jax.random.normal(key_in, (d_hidden, d_in), float) / math.sqrt(d_in)
        mirrors = jax.random.normal(key_mirrors, (self.reflections, d_hidden), float)
        q, r = jnp.linalg.qr(initializer(key_rec, d_hidden).astype(w_in.dtype))
        # Signs such that a matrix that is orthogonal already is its own Q.
        q = q * jnp.where(jnp.diagonal(r) < 0, -1.0, 1.0).astype(q.dtype)[None, :]
        # W_rec = Q R(v_1) ... R(v_M), so that W starts as Q.
        unit = jax.vmap(lambda row: reflected(mirrors, row))(q)
        b = jnp.zeros(d_hidden, float)
        return Params(w_in, jnp.asarray(w_rec, unit.dtype) * unit, mirrors, b), State(b)

    def step(self, params: Params, state: State, x: Input) -> State:
        a = params.w_rec @ reflected(params.mirrors, state.h) + params.w_in @ x
        if self.activation == "modrelu":
            return State(jnp.sign(a) * relu(jnp.abs(a) + params.b))
        return State(activations.named(self.activation)(a + params.b))

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 |w_rec| if linear, for any initialiser; else unknown."""
        return math.log10(abs(w_rec)) if self.activation == "identity" and w_rec else None


def reflected(mirrors: Float[Array, "M N"], h: Hidden) -> Hidden:
    """R(v_M) ... R(v_1) h, mirror by mirror: 4 M N operations and no matrix."""
    for v in jnp.unstack(mirrors):
        h = h - v * (2 * (v @ h) / (v @ v))
    return h

"""xLSTM's scalar LSTM in three forms: equal outputs, other states."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gradlab.types import Cell


class Ungated(NamedTuple):
    h: jax.Array
    c: jax.Array
    n: jax.Array


class Stabilised(NamedTuple):
    h: jax.Array
    c: jax.Array
    n: jax.Array
    m: jax.Array


class Ratio(NamedTuple):
    h: jax.Array
    r: jax.Array
    log_n: jax.Array


class SLSTMParams(NamedTuple):
    w_in: jax.Array
    w_rec: jax.Array
    b: jax.Array


@dataclasses.dataclass(frozen=True)
class SLSTM(Cell[SLSTMParams, object]):
    """The scalar LSTM of xLSTM in one of three forms.

    c' = f c + i z,   n' = f n + i,   h' = o c'/n',   i = exp(i~),   f = sigmoid(f~)

    stabilised: c e^-m and n e^-m, m' = max(log f + m, i~); ratio: r = c/n and log n.

    Reference: Beck et al. 2024, xLSTM: Extended long short-term memory.
    """

    form: str = "stabilised"

    @property
    def gates(self):
        return ("i", "f", "z", "o")

    @property
    def memory(self):
        return "r" if self.form == "ratio" else "c"

    @property
    def rescales(self):
        return self.form != "plain"

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        keys = jax.random.split(key, 6)
        matrices = jnp.stack([initializer(one, d_hidden) for one in keys[:4]])
        w_in = jax.random.normal(keys[4], (4, d_hidden, d_in), float)
        one, zero = jnp.ones(d_hidden, float), jnp.zeros(d_hidden, float)
        states = {
            "plain": Ungated(zero, zero, one),
            "stabilised": Stabilised(zero, zero, one, zero),
            "ratio": Ratio(zero, zero, zero),
        }
        b = jax.random.normal(keys[5], (4, d_hidden), float)
        return SLSTMParams(w_in, w_rec * matrices, b), states[self.form]

    def step(self, params, state, x):
        i, f, z, o = (
            w @ state.h + u @ x + b for w, u, b in zip(params.w_rec, params.w_in, params.b, strict=True)
        )
        f, z, o = jax.nn.log_sigmoid(f), jnp.tanh(z), jax.nn.sigmoid(o)
        if self.form == "plain":
            c, n = jnp.exp(f) * state.c + jnp.exp(i) * z, jnp.exp(f) * state.n + jnp.exp(i)
            return Ungated(o * c / n, c, n)
        if self.form == "ratio":
            log_n = jnp.logaddexp(f + state.log_n, i)
            r = jnp.exp(f + state.log_n - log_n) * state.r + jnp.exp(i - log_n) * z
            return Ratio(o * r, r, log_n)
        m = jnp.maximum(f + state.m, i)
        keep, write = jnp.exp(f + state.m - m), jnp.exp(i - m)
        c, n = keep * state.c + write * z, keep * state.n + write
        return Stabilised(o * c / n, c, n, m)

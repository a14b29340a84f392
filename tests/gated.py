"""A cell with a fault to be switched on, measured as a sweep does: what a gate must see."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradlab.findings.numbers import MACHINE
from gradlab.studies.sweep import compute, labelled, networks, program
from gradlab.studies.sweep import results as sweep_results
from gradlab.studies.sweep.settings import Sweep

GRID = Sweep(cell=("elman",), w_rec=(0.9, 1.1), T=(12, 25), hidden=6, inputs=2, input_std=1.0, seeds=5)
VERSIONS = {"gradlab": "0.1.0"} | dict.fromkeys(MACHINE, "1")
ELSEWHERE = VERSIONS | {"cpu": "another"}
"""Versions of another processor."""


def run(asked, versions=VERSIONS):
    """What a sweep keeps, without its folder; nothing that was compiled for the cell before is used."""
    for made in (program.program, program.zeros_program, networks._drawing):
        made.cache_clear()
    results = list(compute.run(asked))
    axes = (asked.init, asked.w_rec, asked.T, range(asked.seeds))
    facts = {"objective": asked.objective, "precision": asked.precision, "hidden": asked.hidden}
    norms = labelled.dataset(results, *axes, **facts)
    settings = dataclasses.asdict(asked)
    weights = {result.cell: result.digests for result in results}
    about = {"status": "complete", "failed": 0, "points": asked.points, "settings": settings}
    return sweep_results.Run(
        about | {"versions": versions, "weights": weights}, sweep_results.metrics(norms), norms
    )


class Params(NamedTuple):
    w_in: Any
    w_rec: Any
    b: Any


class State(NamedTuple):
    h: Any
    c: Any
    t: Any


FAULTS = (
    "dL/dW doubled",
    "half the rows of W detached",
    "the bias detached",
    "W_in detached",
    "the sigmoid's derivative 1 % low",
    "recurrent weights 1 % large",
    "forget bias 1 % large",
    "W transposed",
    "detached every 10 steps",
    "a bias forgotten",
    "one entry of W forgotten",
    "the adjoint clipped",
    "a backward pass in bfloat16",
)


@jax.custom_vjp
def _twice(w):
    return w


_twice.defvjp(lambda w: (w, None), lambda _, g: (2 * g,))


@jax.custom_vjp
def _low(a):
    return jax.nn.sigmoid(a)


_low.defvjp(lambda a: (jax.nn.sigmoid(a),) * 2, lambda s, g: (0.99 * g * s * (1 - s),))


@jax.custom_vjp
def _clipped(h):
    return h


_clipped.defvjp(lambda h: (h, None), lambda _, g: (jnp.clip(g, -0.1, 0.1),))


@jax.custom_vjp
def _narrow(h):
    return h


_narrow.defvjp(lambda h: (h, None), lambda _, g: (g.astype(jnp.bfloat16).astype(g.dtype),))


class Gated:
    """A forget gate and a candidate, with a counter in the state; `FAULT` is read whenever it is traced."""

    FAULT = ""

    def is_wrong(self, fault):
        assert fault in FAULTS
        return fault == Gated.FAULT

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        k_in, k_rec = jax.random.split(key)
        w = w_rec * jax.vmap(lambda k: initializer(k, d_hidden))(jax.random.split(k_rec, 2))
        b = jnp.stack([jnp.ones(d_hidden), jnp.full(d_hidden, 0.1)])
        if self.is_wrong("recurrent weights 1 % large"):
            w = 1.01 * w
        if self.is_wrong("forget bias 1 % large"):
            b = b * jnp.array([[1.01], [1.0]])
        zero = jnp.zeros(d_hidden)
        return Params(jax.random.normal(k_in, (2, d_hidden, d_in)), w, b), State(zero, zero, jnp.int32(0))

    def weights(self, params):
        u, w, b = params
        if self.is_wrong("dL/dW doubled"):
            w = _twice(w)
        if self.is_wrong("half the rows of W detached"):
            half = w.shape[1] // 2
            w = jnp.concatenate([jax.lax.stop_gradient(w[:, :half]), w[:, half:]], axis=1)
        if self.is_wrong("the bias detached"):
            b = jax.lax.stop_gradient(b)
        if self.is_wrong("W_in detached"):
            u = jax.lax.stop_gradient(u)
        if self.is_wrong("W transposed"):
            w = w.swapaxes(1, 2)
        if self.is_wrong("a bias forgotten"):
            b = b * jnp.array([[1.0], [0.0]])
        if self.is_wrong("one entry of W forgotten"):
            w = w.at[1, 2, 3].set(0.0)
        return u, w, b

    def step(self, params, state, x):
        u, w, b = self.weights(params)
        h, c, t = state
        if self.is_wrong("detached every 10 steps"):
            h = jnp.where(t % 10 == 9, jax.lax.stop_gradient(h), h)
        if self.is_wrong("the adjoint clipped"):
            h = _clipped(h)
        if self.is_wrong("a backward pass in bfloat16"):
            h = _narrow(h)
        a = w @ h + u @ x + b
        opened = (_low if self.is_wrong("the sigmoid's derivative 1 % low") else jax.nn.sigmoid)(a[0])
        c = opened * c + (1 - opened) * jnp.tanh(a[1])
        return State(jnp.tanh(c), c, t + 1)

    def recurrent(self, params):
        return params.w_rec

    def readout(self, state):
        return state.h

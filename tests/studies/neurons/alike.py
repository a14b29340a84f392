"""A cell whose state and gate share a name, as a text to write: `NAME` stands for that of its state."""

SOURCE = """from typing import NamedTuple

import jax
import jax.numpy as jnp

class Params(NamedTuple):
    w_rec: jax.Array
    w_in: jax.Array

class State(NamedTuple):
    NAME: jax.Array

class Alike:
    memory, gates = "NAME", ("f",)

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        params = Params(w_rec * initializer(key, d_hidden), jnp.ones((d_hidden, d_in)))
        return params, State(jnp.zeros(d_hidden))

    def step(self, params, state, x):
        return State(jnp.tanh(params.w_rec @ state.NAME + params.w_in @ x))

    def readout(self, state):
        return state.NAME

    def gate_values(self, params, state, x):
        return {"f": jax.nn.sigmoid(state.NAME)}
"""

"""Measure an equinox cell: the module is the parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp

import gradlab

N, T = 32, 200
key, key_x = jax.random.split(jax.random.key(0))
cell = eqx.nn.LSTMCell(1, N, key=key)


def lstm(cell, state, x):
    """Equinox takes the input first; its state is the pair (h, c)."""
    return cell(x, state)


xs = 0.1 * jax.random.normal(key_x, (T, 1))
norms = gradlab.measure(lstm, cell, (jnp.zeros(N), jnp.zeros(N)), xs, w_rec=lambda cell: cell.weight_hh)
print(gradlab.verdict(norms))

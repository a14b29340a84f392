"""Measure a flax linen cell: the carry is the state, `params` the parameters."""

import jax
from flax import linen

import gradlab

N, T = 32, 200
key, key_x = jax.random.split(jax.random.key(0))
cell = linen.GRUCell(features=N)
xs = 0.1 * jax.random.normal(key_x, (T, 1))
carry = cell.initialize_carry(key, xs[0].shape)
params = cell.init(key, carry, xs[0])["params"]


def gru(params, carry, x):
    """Flax returns the new carry and an output; the carry goes on."""
    return cell.apply({"params": params}, carry, x)[0]


kernels = lambda params: [params[gate]["kernel"] for gate in ("hr", "hz", "hn")]
norms = gradlab.measure(gru, params, carry, xs, w_rec=kernels)
print(gradlab.verdict(norms))

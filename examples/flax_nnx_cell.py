"""Measure a flax nnx cell: split it into a graph and its parameters, and merge them in the step."""

import jax
from flax import nnx

import gradlab

N, T = 32, 200
rngs = nnx.Rngs(0)
cell = nnx.GRUCell(1, N, rngs=rngs)
xs = 0.1 * jax.random.normal(rngs.inputs(), (T, 1))
carry = cell.initialize_carry(xs[0].shape, rngs)
graph, params = nnx.split(cell)


def gru(params, carry, x):
    """The merged cell returns the new carry and an output; the carry goes on."""
    return nnx.merge(graph, params)(carry, x)[0]


norms = gradlab.measure(gru, params, carry, xs, w_rec=lambda params: params["dense_h"]["kernel"])
print(gradlab.verdict(norms))

"""Measure a step function of your own: nothing to inherit, nothing to register."""

import jax
import jax.numpy as jnp

import gradlab

N, T = 32, 200


def leaky(params, h, x):
    """A leaky integrator: h' = 0.9 h + 0.1 tanh(W h + U x)."""
    return 0.9 * h + 0.1 * jnp.tanh(params["w_rec"] @ h + params["w_in"] @ x)


key_rec, key_in, key_x = jax.random.split(jax.random.key(0), 3)
params = {
    "w_rec": jax.random.normal(key_rec, (N, N)) / N**0.5,
    "w_in": jax.random.normal(key_in, (N, 1)),
}
xs = 0.1 * jax.random.normal(key_x, (T, 1))

norms = gradlab.measure(leaky, params, jnp.zeros(N), xs, w_rec=lambda p: p["w_rec"])
print(gradlab.verdict(norms))

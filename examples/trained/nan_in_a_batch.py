"""Which sequence of a batch makes the gradient NaN, and at which step? The forward pass is finite."""

import jax
import jax.numpy as jnp

import gradlab

B, T, N = 6, 30, 16
keys = jax.random.split(jax.random.key(0), 3)
params = {"w_rec": jax.random.orthogonal(keys[0], N), "w_in": jax.random.normal(keys[1], (N, 2))}


def unit_rnn(params, h, x):
    """A state of norm 1; x[2] is 0 where the sensor is off, which clears the state."""
    h = x[2] * jnp.tanh(params["w_rec"] @ h + params["w_in"] @ x[:2])
    size = jnp.linalg.norm(h)
    return jnp.where(size > 0, h / size, h)  # forward this never divides by 0, backward it does


batch = jnp.ones((B, T, 3)).at[:, :, :2].set(jax.random.normal(keys[2], (B, T, 2)))
batch = batch.at[3, 16, 2].set(0)  # off once: in sequence 3, at step 17

start = jnp.ones(N) / N**0.5
run = gradlab.Run.of(*[gradlab.measure(unit_rnn, params, start, xs) for xs in batch])
print(run.verdict)
for lost in run.failures():
    print(f"sequence {lost['seed']}: the {lost['pass']} pass is not finite at step {lost['step']}")

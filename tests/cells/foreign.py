"""Networks with equal weights, run side by side for 20 steps in another library's cell."""

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.initializers.orthogonal import orthogonal

D, N, T = 3, 5, 20
BOUND = {np.float32: 1e-6, np.float64: 1e-12}
DTYPES = list(BOUND)


def network(cell, key, dtype):
    """Parameters with every bias drawn, a zero state, and inputs, all of one dtype."""
    key_init, key_b, key_x = jax.random.split(key, 3)
    params, state = cell.init(key_init, D, N, 1.1, orthogonal)
    params = params._replace(b=params.b + 0.3 * jax.random.normal(key_b, params.b.shape))
    xs = jax.random.normal(key_x, (T, D))
    return jax.tree.map(lambda leaf: leaf.astype(dtype), (params, state, xs))


def run(step, state, xs):
    """The hidden states of `step(state, x) -> (state, h)` over the inputs, in plain Python order."""
    hs = []
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for x in xs:
            state, h = step(state, x)
            hs.append(h)
    return jnp.stack(hs)


def assert_equal(cell, params, state, xs, foreign_step, foreign_state):
    """Hidden states agree at every step, within the bound of their dtype."""

    def own(state, x):
        state = cell.step(params, state, x)
        return state, cell.readout(state)

    ours, theirs = run(jax.jit(own), state, xs), run(jax.jit(foreign_step), foreign_state, xs)
    assert ours.dtype == theirs.dtype == xs.dtype
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BOUND[xs.dtype.type])


def assert_equal_steps(cell, params, state, xs, foreign_step):
    """The hidden state after every step from the state before, which both share and which is all of it."""

    def both(state, x):
        after = cell.step(params, state, x)
        return after, jnp.stack([cell.readout(after), foreign_step(cell.readout(state), x)])

    ours, theirs = jnp.moveaxis(run(jax.jit(both), state, xs), 1, 0)
    assert ours.dtype == theirs.dtype == xs.dtype
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BOUND[xs.dtype.type])


def dense(kernel, bias=None):
    """Parameters of one Dense layer in flax, whose kernel is the transpose of ours."""
    return {"kernel": kernel.T} if bias is None else {"kernel": kernel.T, "bias": bias}

"""Cells that users write, as text, and what they give over a few steps."""

import jax
import numpy as np

from gradlab.foreign import spec as foreign_spec

D, N, T = 2, 5, 7


def unused(key, n):
    raise AssertionError("foreign cells draw their own weights")


STEP = """
    import jax
    import jax.numpy as jnp

    def init(key, d_in, d_hidden):
        key_rec, key_in = jax.random.split(key)
        w_rec = jax.random.normal(key_rec, (d_hidden, d_hidden))
        params = {"w_rec": w_rec, "w_in": jax.random.normal(key_in, (d_hidden, d_in)), "name": "mine"}
        return params, {"h": jnp.zeros(d_hidden)}
"""
GOOD = 'return {"h": jnp.tanh(params["w_rec"] @ state["h"] + params["w_in"] @ x)}'


def drawn(spec, w_rec=1.0):
    cell = foreign_spec.cell(spec)
    return (cell, *cell.init(jax.random.key(3), D, N, w_rec, unused))


def apart(step, state, read=lambda state: state):
    """The hidden states of a loop over T steps."""
    step, found = jax.jit(step), []
    for x in np.random.default_rng(0).standard_normal((T, D)):
        state = step(state, x)
        found.append(read(state))
    return np.stack(found)


def hidden(cell, params, state):
    return apart(lambda state, x: cell.step(params, state, x), state, cell.readout)


BARE = (
    STEP
    + """
    class Bare:
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            params, state = init(key, d_in, d_hidden)
            return {"w_rec": w_rec * initializer(key, d_hidden), "w_in": params["w_in"]}, state["h"]

        def step(self, params, state, x):
            return jnp.tanh(params["w_rec"] @ state + params["w_in"] @ x)

    class Told(Bare):
        memory, has_gain, fixed = "m", False, ("w_in",)

        def readout(self, state):
            return state[:1]

        def rate_theory(self, w_rec):
            return -1.0

    class NoStep:
        init = Bare.init

    class NoInit:
        step = Bare.step

    class Short(Bare):
        def init(self, key, d_in, d_hidden):
            return None

    class OneOut(Bare):
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            return jnp.zeros(3)

    class Unnamed(Bare):
        def init(self, *given):
            params, state = super().init(*given)
            return {"v": params["w_rec"]} | params | {"w_rec": None}, state

        def step(self, params, state, x):
            return jnp.tanh(params["v"] @ state + params["w_in"] @ x)

    class Misread(Bare):
        def readout(self, state):
            return state.hidden

    class Needs(Bare):
        def __init__(self, leak):
            self.leak = leak

    class Unhashable(Bare):
        __hash__ = None

    class Half(Bare):
        def init(self, *given):
            params, state = super().init(*given)
            return params, {"h": state, "c": state.astype(jnp.bfloat16)}

    made = Told()
"""
)

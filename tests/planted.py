"""Cells and gradients by hand with one fault each, and a right one of every kind."""

import jax
import jax.numpy as jnp
import numpy as np

D, N = 3, 4


def a_network(n=N, d=D, seed=0, T=41):
    """Parameters, state and inputs of a tanh network that counts its steps."""
    rng = np.random.default_rng(seed)
    params = {
        "w_rec": rng.standard_normal((n, n)) / np.sqrt(n),
        "w_in": rng.standard_normal((n, d)) / np.sqrt(d),
        "b": 0.3 * rng.standard_normal(n),
    }
    return params, {"h": 0.5 * rng.standard_normal(n), "t": np.int32(1)}, rng.standard_normal((T, d))


def derivatives(params, h, x, t, g):
    """The right pullback of tanh(w_rec h + w_in x + b), and what a fault may want to know."""
    y = jnp.tanh(params["w_rec"] @ h + params["w_in"] @ x + params["b"])
    return y, g * (1 - y**2)


def zeroed(array, *where):
    return array.at[where].set(0)


def with_rule(change=lambda d, y, t, g, x: d, **parts):
    """A step whose backward pass changes g (1 - y^2), or a part: `w_rec=lambda own, t, x: ...`."""

    @jax.custom_vjp
    def unit(params, h, x, t):
        return jnp.tanh(params["w_rec"] @ h + params["w_in"] @ x + params["b"])

    def back(kept, g):
        params, h, x, t = kept
        y, d = derivatives(*kept, g)
        d = change(d, y, t, g, x)
        found = {"w_rec": jnp.outer(d, h), "w_in": jnp.outer(d, x), "b": d, "h": params["w_rec"].T @ d}
        found["x"] = params["w_in"].T @ d
        if "transposed" in parts:
            found["h"] = params["w_rec"] @ d
        for name, alter in parts.items():
            if name in found:
                found[name] = alter(found[name], t, x)
        return {key: found[key] for key in params}, found["h"], found["x"], None

    unit.defvjp(lambda *kept: (unit(*kept), kept), back)

    def step(params, state, x):
        return {"h": unit(params, state["h"], x, state["t"]), "t": state["t"] + 1}

    return step


def plain(params, state, x):
    """The right step, without rules."""
    h = jnp.tanh(params["w_rec"] @ state["h"] + params["w_in"] @ x + params["b"])
    return {"h": h, "t": state["t"] + 1}


def stopping_every_20(params, state, x):
    h = jnp.where(state["t"] % 20 == 0, jax.lax.stop_gradient(state["h"]), state["h"])
    return plain(params, state | {"h": h}, x)


def detached(params, state, x):
    return plain(params, state | {"h": jax.lax.stop_gradient(state["h"])}, x)


def with_residual_in_float32():
    @jax.custom_vjp
    def tanh(a):
        return jnp.tanh(a)

    tanh.defvjp(
        lambda a: (jnp.tanh(a), jnp.tanh(a).astype(jnp.float32)),
        lambda y, g: (g * (1 - y.astype(jnp.float64) ** 2),),
    )
    return activated(tanh)


def with_few_bits():
    @jax.custom_vjp
    def tanh(a):
        return jnp.tanh(a)

    few = lambda g: jax.lax.reduce_precision(g, exponent_bits=11, mantissa_bits=45)
    tanh.defvjp(lambda a: (jnp.tanh(a), jnp.tanh(a)), lambda y, g: (few(g * (1 - y**2)),))
    return activated(tanh)


def with_wrong_jvp():
    @jax.custom_jvp
    def tanh(a):
        return jnp.tanh(a)

    tanh.defjvp(lambda a, da: (tanh(*a), da[0] * (1 - jnp.tanh(a[0]) ** 2) * 1.001))
    return activated(tanh)


def activated(tanh):
    def step(params, state, x):
        h = tanh(params["w_rec"] @ state["h"] + params["w_in"] @ x + params["b"])
        return {"h": h, "t": state["t"] + 1}

    return step


def masked(leak):
    """A step that keeps its state where the mask is 0; the faulty rule forgets the mask on the way back."""
    right = with_rule()

    @jax.custom_vjp
    def step(params, state, item):
        x, mask = item
        after = right(params, state, x)
        return {"h": jnp.where(mask > 0, after["h"], state["h"]), "t": after["t"]}

    def ahead(params, state, item):
        return step(params, state, item), (params, state, item)

    def back(kept, g):
        params, state, (x, mask) = kept
        pull = jax.vjp(lambda p, h, x: right(p, state | {"h": h}, x)["h"], params, state["h"], x)[1]
        keep = jnp.where(mask > 0, 0.0, 1.0)
        of_params, of_h, of_x = pull(g["h"] if leak else (1 - keep) * g["h"])
        of_h = of_h + (0 if leak else keep * g["h"])
        none = np.zeros((), jax.dtypes.float0)
        return of_params, {"h": of_h, "t": none}, (of_x, jnp.zeros_like(mask))

    step.defvjp(ahead, back)
    return step


def complex_step(conjugate):
    """z' = tanh-like of complex numbers, with a rule that may forget the conjugate."""

    @jax.custom_vjp
    def times(w, z):
        return w @ z

    def back(kept, g):
        w, z = kept
        turn = jnp.conj if conjugate else lambda v: v
        # JAX's cotangent of z is dL/dx - i dL/dy: the product rule of a holomorphic map has no conjugate.
        return jnp.outer(g, turn(z)), w.T @ g

    times.defvjp(lambda w, z: (w @ z, (w, z)), back)

    def step(params, z, x):
        a = times(params["w"], z) + x
        return a / (1 + jnp.abs(a)).astype(a.dtype)

    return step


def leaking_over_the_batch():
    """A backward pass that is right of one sequence, and mixes the sequences of a batch."""
    same = leaking(1e-3)

    @jax.custom_vjp
    def tanh(a):
        return jnp.tanh(a)

    tanh.defvjp(lambda a: (jnp.tanh(a), jnp.tanh(a)), lambda y, g: (same(g * (1 - y**2)),))
    return activated(tanh)


def counting_calls():
    calls = []

    def step(params, state, x):
        calls.append(1)
        after = plain(params, state, x)
        return after | {"h": after["h"] * (1 + 1e-3 * len(calls))}

    return step


def tied(both):
    """One matrix used twice; the faulty step lets the gradient through one use only."""

    def step(params, state, x):
        w = params["w_rec"]
        again = w if both else jax.lax.stop_gradient(w)
        h = jnp.tanh(w @ jnp.tanh(again @ state["h"]) + params["w_in"] @ x + params["b"])
        return {"h": h, "t": state["t"] + 1}

    return step


def spiking(rule, leak_over_batch=False):
    """A leaky integrate-and-fire unit: v' = 0.9 v (1 - s) + w s + w_in x + b, s' = 1 if v' > 1 else 0."""
    smooth = lambda v: 1 / (1 + 10 * jnp.abs(v - 1)) ** 2

    def hard(v):
        return jnp.where(v > 1, jnp.ones_like(v), jnp.zeros_like(v))

    spike = {"vjp": jax.custom_vjp, "jvp": jax.custom_jvp}.get(rule, lambda f: f)(hard)
    if rule == "vjp":
        leak = leaking(1e-3) if leak_over_batch else lambda g: g
        spike.defvjp(lambda v: (hard(v), v), lambda v, g: (leak(g * smooth(v)),))
    elif rule == "jvp":
        spike.defjvp(lambda v, dv: (hard(*v), smooth(*v) * dv[0]))
    else:
        soft = jax.nn.sigmoid
        spike = lambda v: soft(v) + jax.lax.stop_gradient(hard(v) - soft(v))

    def step(params, state, x):
        drive = params["w_rec"] @ state["h"] + params["w_in"] @ x + params["b"]
        v = 0.9 * state["v"] * (1 - state["h"]) + drive
        return {"v": v, "h": spike(v)}

    return step


def leaking(share):
    """The identity, whose batched form mixes the sequences."""

    @jax.custom_batching.custom_vmap
    def same(g):
        return g

    @same.def_vmap
    def mixed(size, batched, g):
        return g + share * g.mean(axis=0, keepdims=True), batched[0]

    return same


def states(step, params, state, xs, nudge):
    """The states of a sequence, each moved by its nudge."""
    found = []
    state = state | {"h": state["h"] + nudge["h"][0]}
    for t, x in enumerate(xs, start=1):
        state = step(params, state, x)
        state = state | {"h": state["h"] + nudge["h"][t]}
        found.append(state)
    return found

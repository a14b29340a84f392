"""The loop that trains, against plain autodiff: values, gradients, and what is in it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence import batch
from gradlab.recurrence.primal import equations
from gradlab.recurrence.trees import has_gradient
from tests.tiers import few

T, B, N, D = 7, 5, 6, 3


def network(cell: Any, dtype: Any) -> tuple[Any, Any, Any]:
    """Parameters, first state and inputs (T, B, D)."""
    normal = lambda key, n: jax.random.normal(key, (n, n), float) / np.sqrt(n)
    params, state = cell.init(jax.random.key(0), D, N, 1.2, normal)
    cast = lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
    state = jax.tree.map(lambda leaf: leaf + 0.1, state)
    xs = jax.random.normal(jax.random.key(1), (T, B, D), dtype)
    return jax.tree.map(cast, params), jax.tree.map(cast, state), xs


def plain(step: Any, params: Any, state: Any, xs: Any) -> Any:
    one = lambda xs: jax.lax.scan(lambda s, x: (step(params, s, x),) * 2, state, xs)[1]
    return jax.vmap(one, 1, 1)(xs)


def weighed(loop: Any, step: Any, xs: Any) -> Any:
    """A loss of all states at all steps."""

    def loss(params: Any, state: Any, xs: Any) -> Any:
        found = jax.tree.leaves(loop(step, params, state, xs))
        return sum(
            jnp.sum(leaf * jax.random.normal(jax.random.key(i), leaf.shape, leaf.dtype))
            for i, leaf in enumerate(found)
        )

    return jax.value_and_grad(loss, (0, 1, 2))


def cells() -> list[str]:
    """Those whose state and parameters all have gradients, as a training needs."""
    found = []
    for name in registry.names("cells"):
        cell = registry.make("cells", name)
        params, state = jax.eval_shape(
            lambda cell=cell: cell.init(jax.random.key(0), D, N, 1.0, lambda key, n: jnp.eye(n))
        )
        if all(has_gradient(leaf) for leaf in jax.tree.leaves((params, state))):
            found.append(name)
    return found


SETTINGS = ["lstm(full_gate_recurrence=true)", "stacked(cell=gru)", "layer_norm(cell=lstm)"]


ALWAYS = ("lstm", "indrnn")


@pytest.mark.parametrize("spec", few([*cells(), *SETTINGS], ALWAYS))
def test_values_and_gradients_are_those_of_autodiff(spec: str) -> None:
    cell = registry.make("cells", spec)
    with jax.enable_x64(True):
        given = network(cell, jnp.float64)
        ours, theirs = (weighed(loop, cell.step, given[2])(*given) for loop in (batch.states, plain))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * max(1.0, float(np.abs(b).max())))


def test_a_step_is_one_product_and_all_its_weights_have_their_gradient_in_one() -> None:
    cell = registry.make("cells", "lstm")
    given = network(cell, jnp.float32)
    closed = jax.make_jaxpr(weighed(batch.states, cell.step, given[2]))(*given)
    loops = [eqn for eqn in equations(closed.jaxpr) if eqn.primitive.name in ("while", "scan")]
    inside = [
        [one.outvars[0].aval.shape for one in equations(loop.params["body_jaxpr"].jaxpr) if _is_product(one)]
        for loop in loops
    ]
    assert inside == [[(B, 4 * N)], [(B, N)]]
    outside = [one.outvars[0].aval.shape for one in equations(closed.jaxpr) if _is_product(one)]
    # Of (W, U, b) the gradient is one product, of the inputs another.
    assert outside.count((N + D + 1, 4 * N)) == 1
    assert outside.count((T * B, D + 1)) == 1


def _is_product(eqn: Any) -> bool:
    return bool(eqn.primitive.name == "dot_general")


def test_a_step_with_effects_keeps_their_order() -> None:
    seen: list[int] = []

    def step(params: Any, state: Any, x: Any) -> Any:
        jax.debug.callback(lambda s: seen.append(1), state)
        return jnp.tanh(params @ state + x)

    xs = jnp.ones((T, B, N))
    found = batch.states(step, jnp.eye(N), jnp.zeros(N), xs)
    jax.effects_barrier()
    np.testing.assert_array_equal(
        found, plain(lambda p, s, x: jnp.tanh(p @ s + x), jnp.eye(N), jnp.zeros(N), xs)
    )
    assert len(seen) == T * B


def test_a_step_that_changes_the_form_of_the_state_is_refused() -> None:
    for step in (
        lambda p, s, x: s["h"],
        lambda p, s, x: {"h": s["h"][:1]},
        lambda p, s, x: {"h": s["h"].astype(int)},
    ):
        with pytest.raises(TypeError, match="must keep the form of the state: "):
            batch.states(step, jnp.eye(N), {"h": jnp.zeros(N)}, jnp.ones((T, B, N)))


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.float32])
def test_inputs_of_another_kind_than_the_state_enter_before_the_products(dtype: Any) -> None:
    def step(params: Any, state: Any, x: Any) -> Any:
        return jnp.tanh(params @ state + jnp.sin(x.astype(state.dtype)))

    with jax.enable_x64(True):
        params, xs = jax.random.normal(jax.random.key(0), (N, N)), jnp.arange(T * B * N).reshape(T, B, N)
        both = [
            jax.value_and_grad(lambda p, loop=loop: jnp.sum(loop(step, p, jnp.ones(N), xs.astype(dtype))))(
                params
            )
            for loop in (batch.states, plain)
        ]
    for a, b in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@jax.custom_vjp
def straight_through(x: Any) -> Any:
    return jnp.sign(x)


straight_through.defvjp(lambda x: (jnp.sign(x), None), lambda _, back: (back,))


ENTERS = {
    "sign": jnp.sign,
    "floor": jnp.floor,
    "stop_gradient": jax.lax.stop_gradient,
    "abs": jnp.abs,
    "straight through": straight_through,
    "square": lambda x: x * x,
    "inverse": lambda x: 1 / x,
    "threshold": lambda x: jnp.where(x > 0, 1.0, 0.0),
    "rounded": lambda x: x.astype(jnp.bfloat16).astype(x.dtype),
    "sorted": jnp.sort,
}


@pytest.mark.ends
@pytest.mark.parametrize("enters", ENTERS.values(), ids=ENTERS)
def test_an_input_that_enters_otherwise_than_linearly_is_no_factor(enters: Any) -> None:
    """A derivative that is the same everywhere is none that tells: that of a sign is 0."""

    def step(params: Any, state: Any, x: Any) -> Any:
        return jnp.tanh(params @ state + enters(x))

    with jax.enable_x64(True):
        params, xs = (
            jax.random.normal(jax.random.key(0), (N, N)),
            jax.random.normal(jax.random.key(1), (T, B, N)),
        )
        both = [
            jax.value_and_grad(lambda p, x, loop=loop: jnp.sum(loop(step, p, jnp.ones(N), x)), (0, 1))(
                params, xs
            )
            for loop in (batch.states, plain)
        ]
    for a, b in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_keys_counters_and_rules_of_ones_own_go_along() -> None:
    """What has no gradient is carried; a derivative that is set by hand stays set, wherever it stands."""

    @jax.custom_vjp
    def halved(lag: Any, state: Any) -> Any:
        return state

    halved.defvjp(
        lambda lag, state: (state, lag), lambda lag, back: (None, back * jnp.where(lag % 2, 0.5, 1.0))
    )

    def step(params: Any, state: Any, given: Any) -> Any:
        x, lag, key = given
        state = halved(lag, state)
        noise = jax.random.normal(jax.random.fold_in(key, lag), state.shape)
        # A product of a product, a matrix that is used twice, and weights that are no matrix.
        inner = params["w"] @ (params["v"] @ state + x) + params["b"]
        return jnp.tanh(inner * state + params["w"] @ jnp.sin(state)) + 0.1 * noise * params["g"] * state

    keys = jax.random.split(jax.random.key(3), B)
    with jax.enable_x64(True):
        draw = lambda i, *shape: jax.random.normal(jax.random.key(i), shape)
        params = {"w": draw(0, N, N), "v": draw(1, N, N), "b": draw(2, N), "g": draw(4, N)}
        xs = (
            draw(5, T, B, N),
            jnp.broadcast_to(jnp.arange(T)[:, None], (T, B)),
            jnp.broadcast_to(keys, (T, B)),
        )
        state = 0.3 * draw(6, N)

        def loss(loop: Any, params: Any, state: Any, x: Any) -> Any:
            return jnp.sum(jnp.cos(loop(step, params, state, (x, *xs[1:]))) * draw(7, T, B, N))

        both = [
            jax.value_and_grad(lambda *given, loop=loop: loss(loop, *given), (0, 1, 2))(params, state, xs[0])
            for loop in (batch.states, plain)
        ]
    for a, b in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)

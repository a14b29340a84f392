"""Rows sent back through blocks of a Jacobian, against each row by itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence import blockwise
from gradlab.recurrence.primal import equations
from gradlab.recurrence.pullback import pullback

N = 12
FEWER = {"lstm": 1, "peephole_lstm": 1, "lstm97": 1, "coupled_lstm": 1, "janet": 1, "gru": 2}
"""Cells with gates that go back by blocks, and how many products of matrices a step takes then."""
SETTINGS = ["lstm(full_gate_recurrence=true)", "layer_norm(cell=lstm)", "stacked(cell=gru)"]


def sent_back(spec: str, dtype: str) -> tuple[Any, Any]:
    """The pullback of one step to the state before, and rows to send: as many as the state has numbers."""
    cell = registry.make("cells", spec)
    draw = lambda key, n: jax.random.normal(key, (n, n), float) / np.sqrt(n)
    params, state = cell.init(jax.random.key(0), 2, N, 1.3, draw)
    own = lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
    noise = lambda leaf: leaf + 0.3 * jax.random.normal(jax.random.key(1), leaf.shape, leaf.dtype)
    params, state = jax.tree.map(own, params), jax.tree.map(noise, jax.tree.map(own, state))
    one = pullback(cell.step, params, state, jnp.array([0.3, -0.2], dtype))
    _, kept = one.forward(state, jnp.array([0.3, -0.2], dtype))
    count = sum(leaf.size for leaf in jax.tree.leaves(state))
    rows = jax.tree.map(lambda leaf: jax.random.normal(jax.random.key(2), (count, *leaf.shape), dtype), state)
    return lambda row: one.pull(kept, row)[1], rows


def products(f: Any, rows: Any) -> int:
    """Matrix products in a program."""
    found = equations(jax.make_jaxpr(f)(rows).jaxpr)
    return sum(eqn.primitive.name == "dot_general" and eqn.outvars[0].aval.ndim == 2 for eqn in found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", [*registry.names("cells"), *SETTINGS])
def test_blocks_give_what_each_row_gives(spec: str, dtype: str) -> None:
    pull, rows = sent_back(spec, dtype)
    wanted, found = jax.vmap(pull)(rows), blockwise.many(pull, rows)
    assert jax.tree.structure(wanted) == jax.tree.structure(found)
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(
            one, other, rtol=0, atol=40 * np.finfo(dtype).eps * (1 + np.abs(one).max())
        )


@pytest.mark.parametrize("spec", FEWER)
def test_cells_with_gates_take_fewer_products(spec: str) -> None:
    pull, rows = sent_back(spec, "float32")
    found = products(lambda rows: blockwise.many(pull, rows), rows)
    assert found == FEWER[spec] < products(jax.vmap(pull), rows)


@pytest.mark.parametrize("spec", [name for name in registry.names("cells") if name not in FEWER])
def test_others_go_back_row_by_row(spec: str) -> None:
    pull, rows = sent_back(spec, "float32")
    wanted, found = jax.vmap(pull)(rows), blockwise.many(pull, rows)
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        assert np.array_equal(one, other)


def test_what_is_not_finite_stays_where_it_is() -> None:
    matrix = jnp.asarray(np.random.default_rng(0).standard_normal((3, 4, 4)), jnp.float32)

    def pull(row: Any) -> Any:
        scaled = [row["h"] * jnp.float32(k + 1) for k in range(len(matrix))]
        return {"h": sum(one @ w for one, w in zip(scaled, matrix, strict=True)), "c": row["c"]}

    ones = jnp.ones((4, 4), jnp.float32)
    rows = {"h": ones.at[1, 2].set(jnp.nan), "c": ones.at[3, 0].set(jnp.inf)}
    wanted, found = jax.vmap(pull)(rows), blockwise.many(pull, rows)
    for name in rows:
        assert (np.isfinite(wanted[name]) == np.isfinite(found[name])).all()


@pytest.mark.parametrize("kind", ["rule of its own", "loop", "checkpoint", "jit", "callback", "gate of both"])
def test_steps_of_every_make_go_back_alike(kind: str) -> None:
    matrices = jax.random.normal(jax.random.key(0), (3, N, N)) / 4

    @jax.custom_vjp
    def bent(x: Any) -> Any:
        return jnp.tanh(x)

    # What a rule does on the way back may have rules of its own in it.
    bent.defvjp(lambda x: (jnp.tanh(x), x), lambda x, sent: (sent * jax.nn.sigmoid(x) * jax.nn.relu(x),))

    def gates(h: Any) -> Any:
        a, b, c = (w @ h for w in matrices)
        if kind == "gate of both":
            return jnp.tanh(a) * jax.nn.sigmoid(b) + h * jnp.maximum(c, 0)
        return bent(a) * jax.nn.sigmoid(b) + h * jax.nn.sigmoid(c)

    def step(h: Any) -> Any:
        if kind == "loop":
            return jax.lax.fori_loop(0, 2, lambda _, h: gates(h), h)
        if kind == "callback":
            h = h * jax.pure_callback(lambda x: np.float64(2), jax.ShapeDtypeStruct((), float), 1.0)
        return {"checkpoint": jax.checkpoint, "jit": jax.jit}.get(kind, lambda f: f)(gates)(h)

    _, pull = jax.vjp(step, jax.random.normal(jax.random.key(1), (N,)))
    rows = jax.random.normal(jax.random.key(2), (N, N))
    send = lambda row: pull(row)[0]
    np.testing.assert_allclose(blockwise.many(send, rows), jax.vmap(send)(rows), atol=1e-13)


@pytest.mark.parametrize("asked", [("high", "high"), ("highest", "highest"), ("highest", "high")])
def test_products_have_the_precision_that_the_step_asks_for(asked: tuple[str, str]) -> None:
    matrices = jnp.ones((2, N, N))
    step = lambda h: sum(
        jnp.matmul(w, jnp.tanh(h), precision=p) for w, p in zip(matrices, asked, strict=True)
    )
    _, pull = jax.vjp(step, jnp.ones(N))
    send = lambda row: pull(row)[0]
    rows = jnp.eye(N)
    found = equations(jax.make_jaxpr(lambda rows: blockwise.many(send, rows))(rows).jaxpr)
    used = [eqn.params["precision"] for eqn in found if eqn.primitive.name == "dot_general"]
    wanted = equations(jax.make_jaxpr(jax.vmap(send))(rows).jaxpr)
    assert {*used} == {eqn.params["precision"] for eqn in wanted if eqn.primitive.name == "dot_general"}
    assert len(used) == len({*asked})


def test_a_leaf_that_nothing_reaches_is_zero() -> None:
    ones = jnp.ones((4, 4), jnp.float32)

    def pull(row: Any) -> Any:
        scaled = [row["h"] * jnp.float32(k + 1) for k in range(3)]
        return {"h": sum(one @ ones for one in scaled), "c": jnp.zeros(4, jnp.float32)}

    found = blockwise.many(pull, {"h": ones, "c": ones})
    assert not found["c"].any()
    np.testing.assert_allclose(found["h"], 24.0)

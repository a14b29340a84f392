"""What every member of a kind must do; names no member."""

import functools
import inspect
from typing import Literal, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab import registry

D, N, T = 3, 4, 6
DTYPES = [jnp.float32, jnp.float64]


def specs(kind):
    """Every member as it comes, and with each value that a setting of a few named values can take."""
    found = []
    for name in registry.names(kind):
        factory = registry.member(kind, name)
        hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
        found.append(name)
        for setting in registry.settings(factory):
            if get_origin(hints[setting]) is Literal:
                found += [f"{name}({setting}={value})" for value in get_args(hints[setting])]
            if hints[setting] is bool:
                found += [f"{name}({setting}={value})" for value in ("true", "false")]
    return sorted({registry.label(kind, spec) for spec in found})


def gaussian(key, n):
    """A start of unit gain that belongs to no member."""
    return jax.random.normal(key, (n, n), jnp.float64) / np.sqrt(n)


def orthogonal(key, n):
    return jnp.linalg.qr(jax.random.normal(key, (n, n), jnp.float64))[0]


def network(cell, key, dtype=jnp.float64, initializer=gaussian, w_rec=1.2):
    """Parameters and a state away from zero, and inputs, all of one dtype."""
    key_init, key_off, key_x = jax.random.split(key, 3)
    params, state = cell.init(key_init, D, N, w_rec, initializer)
    flat, unravel = ravel_pytree(state)
    state = unravel(flat + 0.5 * jax.random.normal(key_off, flat.shape))
    xs = jax.random.normal(key_x, (T, D))
    return jax.tree.map(lambda leaf: leaf.astype(dtype), (params, state, xs))


def named(tree):
    """The leaves of a tree by their path."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in paths}


def shapes(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


@pytest.mark.parametrize("spec", specs("cells"))
class TestCell:
    def test_starts_in_the_widest_dtype_with_named_parts(self, spec, key):
        cell = registry.make("cells", spec)
        params, state = cell.init(key, D, N, 1.0, gaussian)
        assert {leaf.dtype for leaf in jax.tree.leaves((params, state))} == {jnp.dtype(jnp.float64)}
        assert jax.tree.leaves(cell.recurrent(params))
        assert {name.split("/")[-1] for name in named(params)} >= {"w_in"}

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_step_keeps_shapes_and_dtypes(self, spec, dtype, key):
        cell = registry.make("cells", spec)
        params, state, xs = network(cell, key, dtype)
        after = cell.step(params, state, xs[0])
        assert type(after) is type(state)
        assert shapes(after) == shapes(state)
        assert cell.readout(after).shape == (N,)
        assert cell.readout(after).dtype == dtype

    def test_w_rec_is_the_gain(self, spec, key):
        cell = registry.make("cells", spec)
        init = lambda w_rec: cell.init(key, D, N, w_rec, gaussian)[0]
        one = named(init(1.0))
        for w_rec in (0.0, 0.7, -1.5):
            scaled = 0
            for name, leaf in named(init(w_rec)).items():
                if np.array_equal(leaf, one[name]):
                    continue
                scaled += 1
                np.testing.assert_allclose(leaf, w_rec * one[name], rtol=1e-14, err_msg=name)
            assert (scaled > 0) == cell.has_gain
        swept = named(jax.vmap(init)(jnp.array([0.7, 1.0], jnp.float32)))
        for name, leaf in swept.items():
            np.testing.assert_allclose(leaf[1], one[name], rtol=1e-12)

    def test_input_weights_do_not_depend_on_the_initializer(self, spec, key):
        cell = registry.make("cells", spec)
        first, second = (named(cell.init(key, D, N, 1.0, start)[0]) for start in (gaussian, orthogonal))
        inputs = [name for name in first if name.split("/")[-1] == "w_in"]
        assert inputs
        for name in inputs:
            np.testing.assert_array_equal(first[name], second[name])

    def test_gradient_reaches_every_parameter(self, spec, key):
        cell = registry.make("cells", spec)
        params, state, xs = network(cell, key)

        def loss(params):
            last, _ = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), state, xs)
            flat = ravel_pytree(last)[0]
            return flat @ jnp.arange(1.0, flat.size + 1)

        for name, leaf in named(jax.grad(loss)(params)).items():
            by_gate = cell.gates and leaf.shape[:1] == (len(cell.gates),)
            rows = leaf.reshape(len(cell.gates) if by_gate else 1, -1)
            assert np.isfinite(rows).all(), name
            assert (rows != 0).any(axis=1).all(), name

    def test_vmap_equals_a_loop(self, spec, key):
        cell = registry.make("cells", spec)
        params, state, xs = network(cell, key)
        batched = jax.vmap(cell.step, (None, None, 0))(params, state, xs)
        for t in range(T):
            one = cell.step(params, state, xs[t])
            for a, b in zip(jax.tree.leaves(batched), jax.tree.leaves(one), strict=True):
                np.testing.assert_allclose(a[t], b, rtol=1e-13, atol=1e-15)

    def test_forward_and_reverse_jacobians_agree(self, spec, key):
        cell = registry.make("cells", spec)
        params, state, xs = network(cell, key)
        flat, unravel = ravel_pytree(state)
        step = lambda v: ravel_pytree(cell.step(params, unravel(v), xs[0]))[0]
        forward = jax.jacfwd(step)(flat)
        assert np.abs(forward).max() > 0
        np.testing.assert_allclose(forward, jax.jacrev(step)(flat), rtol=1e-12, atol=1e-15)

    def test_equal_cells_share_one_program(self, spec, key):
        traced = []

        @functools.partial(jax.jit, static_argnums=0)
        def step(cell, params, state, x):
            traced.append(cell)
            return cell.step(params, state, x)

        for _ in range(3):
            cell = registry.make("cells", spec)
            params, state, xs = network(cell, key)
            step(cell, params, step(cell, params, state, xs[0]), xs[1])
        assert len(traced) == 1

    def test_settings_round_trip(self, spec):
        cell = registry.make("cells", spec)
        assert registry.label("cells", spec) == spec
        again = registry.make("cells", registry.label("cells", spec))
        assert again == cell
        assert hash(again) == hash(cell)

    def test_declared_names_exist(self, spec, key):
        cell = registry.make("cells", spec)
        params, state = cell.init(key, D, N, 1.0, gaussian)
        assert cell.memory in named(state)
        assert set(cell.fixed) <= {name.split("/")[-1] for name in named(params)}

    def test_openings_are_between_0_and_1(self, spec, key):
        cell = registry.make("cells", spec)
        params, state, xs = network(cell, key)
        for name, opening in cell.openings(params, state, xs[0]).items():
            assert opening.shape == (N,), name
            assert ((opening >= 0) & (opening <= 1)).all(), name


GATED = [spec for spec in specs("cells") if registry.make("cells", spec).gates]
DECLARED = [
    (spec, w_rec)
    for spec in specs("cells")
    for w_rec in (0.0, 0.8, 1.0, -1.25)
    if registry.make("cells", spec).rate_theory(w_rec) is not None
]


@pytest.mark.parametrize("spec", GATED)
def test_gates_are_drawn_apart(spec, key):
    cell = registry.make("cells", spec)
    params, _ = cell.init(key, D, N, 1.0, orthogonal)
    if not hasattr(params, "w_rec"):
        pytest.skip("has its recurrent matrices under other names")
    assert params.w_rec.shape == (len(cell.gates), N, N)
    ones = np.ones((len(cell.gates), N))
    np.testing.assert_allclose(np.linalg.svd(params.w_rec, compute_uv=False), ones, rtol=1e-13)
    assert len({float(w[0, 0]) for w in params.w_rec}) == len(cell.gates)


@pytest.mark.parametrize(("spec", "w_rec"), DECLARED)
def test_declared_rate_is_measured(spec, w_rec, key):
    cell = registry.make("cells", spec)
    rate = cell.rate_theory(w_rec)
    params, state, xs = network(cell, key, initializer=orthogonal, w_rec=w_rec)
    flat, unravel = ravel_pytree(state)
    product = np.eye(flat.size)
    for x in xs:
        step = lambda v, x=x: ravel_pytree(cell.step(params, unravel(v), x))[0]
        product = np.asarray(jax.jacfwd(step)(flat)) @ product
        flat = step(flat)
    assert np.log10(np.linalg.norm(product, 2)) == pytest.approx(rate * T, abs=1e-12)


def test_there_are_cells_with_gates_and_with_a_theory():
    assert len(GATED) >= 15
    assert len(DECLARED) >= 8


@pytest.mark.parametrize("spec", specs("initializers"))
class TestInitializer:
    @pytest.mark.parametrize("n", [1, 2, 7])
    def test_shape_dtype_and_key(self, spec, n, key):
        draw = registry.make("initializers", spec)
        w = draw(key, n)
        assert (w.shape, w.dtype) == ((n, n), jnp.float64)
        assert np.isfinite(w).all()
        np.testing.assert_array_equal(w, draw(key, n))

    def test_float32_where_float64_is_off(self, spec, key):
        with jax.enable_x64(False):
            assert registry.make("initializers", spec)(key, 5).dtype == jnp.float32

    def test_vmap_equals_a_loop(self, spec, key):
        draw = registry.make("initializers", spec)
        keys = jax.random.split(key, 3)
        together = jax.jit(jax.vmap(lambda k: draw(k, 5)))(keys)
        for one, k in zip(together, keys, strict=True):
            np.testing.assert_allclose(one, draw(k, 5), rtol=1e-12, atol=1e-14)

    def test_settings_round_trip(self, spec):
        assert registry.label("initializers", spec) == spec

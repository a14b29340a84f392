"""`gradlab.measure` tells the gradient of every parameter: plain autodiff's, and zero only where it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.recurrence import projections
from gradlab.recurrence.objectives import draw_target
from gradlab.states import EXACT_ZERO, OK
from gradlab.studies.sweep.networks import stream
from tests.tiers import few

T, N = 30, 5
KEEP = lambda w, h, x: w * h + x


def unrolled(step, params, state, xs):
    """The unit objective by hand: a fixed random direction of the last state, through a plain scan."""
    goal = draw_target("unit", stream(0, "target", objective="unit"), state, lambda state: state)
    last, _ = jax.lax.scan(lambda h, x: (step(params, h, x), None), state, xs)
    return sum(jnp.vdot(a, b).real for a, b in zip(*map(jax.tree.leaves, (goal, last)), strict=True))


def tanh_step(params, h, x):
    return jnp.tanh(params["cell"]["w_rec"] @ h + params["w_in"] @ x + params["b"][0])


@pytest.mark.parametrize("dtype", few([np.float32, np.float64], [np.float64]))
def test_gradients_of_all_parameters_are_those_of_plain_autodiff(dtype, key):
    draw = np.random.default_rng(0).standard_normal
    params = {"cell": {"w_rec": draw((N, N)) / 2}, "w_in": draw((N, 2)), "b": [draw(N)], "mine": "name"}
    params = jax.tree.map(lambda leaf: leaf if isinstance(leaf, str) else leaf.astype(dtype), params)
    state, xs = np.zeros(N, dtype), draw((T, 2)).astype(dtype)
    found = gradlab.measure(tanh_step, params, state, xs, w_rec=lambda p: p["cell"]["w_rec"])
    numbers = {name: leaf for name, leaf in params.items() if name != "mine"}
    expected = jax.grad(lambda numbers: unrolled(tanh_step, numbers, state, xs))(numbers)
    names = ["b/0", "cell/w_rec", "w_in"]
    assert found["leaf"].values.tolist() == names
    norms = [np.linalg.norm(leaf) for leaf in jax.tree.leaves(expected)]
    np.testing.assert_allclose(
        found["gradient"].values.ravel(), np.log10(norms), atol=1e3 * np.finfo(dtype).eps
    )
    assert (found["gradient_state"].values == OK).all()
    each = zip(names, jax.tree.leaves(expected), strict=True)
    directions = [projections.of_array(name, np.asarray(leaf))[1] for name, leaf in each]
    np.testing.assert_allclose(
        found["gradient_projection"].values.ravel(), directions, atol=1e4 * np.finfo(dtype).eps
    )
    assert 0 < found["state_shift"].item() < 1e3 * np.finfo(dtype).eps


def test_a_parameter_without_effect_has_no_gradient_by_definition_and_one_that_underflows_by_rounding():
    params = {"w_rec": jnp.float32(1e-30), "unused": jnp.float32(1.0), "early": jnp.float32(1.0)}
    step = lambda p, h, x: p["w_rec"] * (h * (1 - x) + p["early"] * x) + x
    xs = jnp.zeros((4, 2), jnp.float32).at[0].set(1)
    found = gradlab.measure(step, params, jnp.ones(2, jnp.float32), xs, w_rec=lambda p: p["w_rec"])
    states = dict(zip(found["leaf"].values, found["gradient_state"].values.ravel(), strict=True))
    assert states["unused"] == EXACT_ZERO
    # Four factors of 10^-30: far below float32, and kept in the log domain.
    assert states["early"] == OK
    at = found["leaf"].values.tolist().index("early")
    assert found["gradient"].values.ravel()[at] == pytest.approx(-120, abs=1)


def test_leaves_that_would_be_called_the_same_are_called_by_their_place():
    params = {"a/b": jnp.float64(0.5), "a": {"b": jnp.float64(0.25)}}
    step = lambda p, h, x: p["a/b"] * h + p["a"]["b"] * x
    xs = jnp.ones((3, 1))
    found = gradlab.measure(step, params, jnp.ones(1), xs, w_rec=lambda p: p["a/b"])
    assert found["leaf"].values.tolist() == ["000000", "000001"]
    expected = jax.grad(lambda p: unrolled(step, p, jnp.ones(1), xs))(params)
    by_place = np.log10(np.abs([float(leaf) for leaf in jax.tree.leaves(expected)]))
    np.testing.assert_allclose(found["gradient"].values.ravel(), by_place, atol=1e-12)


def test_without_recurrent_weights_no_gradient_is_told_and_the_states_still_are():
    found = gradlab.measure(KEEP, 0.5, np.zeros(2), np.ones((4, 2)))
    assert "gradient" not in found
    assert found["state_shift"].item() < 1e-15

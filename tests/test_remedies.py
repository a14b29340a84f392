"""The contract of remedies, for every member that there is; names none of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.recurrence.unroll import rescale
from gradlab.studies.remedies import arms, loop
from gradlab.testing import gaussian, shapes
from gradlab.types import Remedy, Trail
from tests.remedies.training import Follow, lane, remedy, setting, tree
from tests.test_contracts import DTYPES, specs

SPECS = specs("remedies")
PLACES = ("cell", "init", "adjoint", "gradients", "penalty", "project", "step")


def acting(place):
    """The remedies that act in a place."""
    return [spec for spec in SPECS if getattr(remedy(spec), place) is not None]


@functools.cache
def arm(spec):
    """On the first cell that the remedy accepts."""
    for cell in ("elman", *registry.names("cells")):
        try:
            made = arms.arm(spec, cell, registry.names("initializers")[0])
            loop.try_out(setting(made.remedy, made.cell, T=3, hidden=2), learn=False)
        except (GradlabError, ValueError):
            continue
        return made
    raise AssertionError(f"{spec} accepts no cell")


def cast(given, dtype):
    return jax.tree.map(lambda leaf: leaf.astype(dtype), given)


@pytest.mark.parametrize("spec", SPECS)
class TestRemedy:
    def test_acts_in_one_place_and_says_what_it_replaces(self, spec):
        made = remedy(spec)
        assert isinstance(made, Remedy)
        acts = [place for place in PLACES if getattr(made, place) is not None]
        assert len(acts) == 1
        assert made.replaces in ("", *acts)

    def test_settings_round_trip(self, spec):
        assert registry.label("remedies", spec) == spec
        label = arm(spec).label
        again = arms.arm(label, "lstm", "gaussian")
        assert again.label == label

    def test_an_update_with_it_keeps_the_form_of_a_lane(self, spec):
        """Traced alone, in both precisions, with no silent promotion."""
        made = arm(spec)
        for dtype in DTYPES:
            of = setting(made.remedy, made.cell, T=3, hidden=2, task=Follow(every=True, length=2))
            one = jax.eval_shape(functools.partial(lane, of, dtype=dtype))
            after, said = jax.eval_shape(functools.partial(loop.update, of), one)
            assert shapes(after) == shapes(one)
            assert said["loss"].dtype == dtype


def test_there_is_a_remedy_for_every_place():
    assert [place for place in PLACES if not acting(place)] == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", acting("gradients"))
def test_a_change_of_the_gradient_keeps_its_form_and_is_finite(spec, dtype):
    change = arm(spec).remedy.gradients
    most = float(np.finfo(dtype).max) / 8
    weights = cast(tree(), dtype)
    state = change.init(weights)
    for size in (0.0, 1e-30, 1.0, most):
        given = jax.tree.map(lambda leaf, size=size: leaf * size, weights)
        found, after = change.update(given, state, weights)
        assert shapes(found) == shapes(given)
        assert shapes(after) == shapes(state)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", acting("adjoint"))
def test_a_change_of_the_adjoint_keeps_its_form_at_every_exponent(spec, dtype):
    change = arm(spec).remedy.adjoint
    for exponent in (-(10**6), 0, 10**6):
        for size in (0.0, 1.0):
            sent = rescale(jax.tree.map(lambda leaf, s=size: leaf * s, cast(tree(), dtype)), exponent)
            for lag in (1, 2, 50):
                found = change(jnp.int32(lag), sent)
                assert shapes(found) == shapes(sent)
                peak = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(found.value))
                assert peak == 0 or 0.5 <= peak < 1
                assert size or peak == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", acting("project"))
def test_a_projection_keeps_the_form_and_what_it_has_brought_back(spec, dtype, key):
    made = arm(spec)
    params, _ = made.cell.init(key, 2, 5, 3.0, gaussian)
    params = cast(params, dtype)
    project = jax.jit(made.remedy.project)
    once = project(params)
    assert shapes(once) == shapes(params)
    pairs = list(zip(*map(jax.tree.leaves, (once, params, project(once))), strict=True))
    assert any(not np.array_equal(a, b) for a, b, _ in pairs)
    for brought, _, again in pairs:
        np.testing.assert_allclose(again, brought, rtol=0, atol=50 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", acting("step"))
def test_a_step_of_its_own_keeps_the_form_and_acts_in_training_alone(spec, dtype, key):
    made = arm(spec)
    params, state = made.cell.init(key, 2, 64, 1.0, gaussian)
    params, state = cast(params, dtype), jax.tree.map(jnp.ones_like, cast(state, dtype))
    x, t = jnp.ones(2, dtype), jnp.int32(3)
    plain = made.cell.step(params, state, x)
    drawn = [made.remedy.step(made.cell.step, jax.random.key(k), t)(params, state, x) for k in range(30)]
    assert all(shapes(found) == shapes(plain) for found in drawn)
    different = [not all(map(np.array_equal, *map(jax.tree.leaves, (one, plain)))) for one in drawn]
    assert any(different)
    of = setting(made.remedy, made.cell, T=3, hidden=2)
    judged = jax.jit(lambda one: loop.judge(of, one, key, 4))(lane(of, dtype=dtype))
    without = setting(Remedy(), made.cell, T=3, hidden=2)
    np.testing.assert_array_equal(judged[0], loop.judge(without, lane(without, dtype=dtype), key, 4)[0])


@pytest.mark.parametrize("spec", acting("penalty"))
def test_a_penalty_is_finite_and_differentiable_and_does_not_see_beyond_the_end(spec, key):
    made = arm(spec)
    keys = jax.random.split(key, 4)
    params, state = made.cell.init(keys[0], 2, 3, 1.1, gaussian)
    T = 5
    drawn = lambda key: jax.tree.map(lambda leaf: jax.random.normal(key, (T, *leaf.shape)), state)
    before, adjoints, xs = drawn(keys[1]), drawn(keys[2]), jax.random.normal(keys[3], (T, 2))
    # Beyond the end nothing comes back: adjoints are exactly 0 there.
    adjoints = jax.tree.map(lambda leaf: leaf.at[3:].set(0), adjoints)

    @jax.jit
    def penalty(params, before, xs):
        trail = Trail(made.cell, params, before, xs, adjoints, jnp.int32(3))
        return jax.value_and_grad(lambda p: made.remedy.penalty(trail._replace(params=p)))(params)

    value, slopes = penalty(params, before, xs)
    assert np.shape(value) == ()
    assert float(value) > 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    other = jax.tree.map(lambda leaf: leaf.at[3:].add(1.0), (before, xs))
    jax.tree.map(np.testing.assert_array_equal, penalty(params, *other), (value, slopes))

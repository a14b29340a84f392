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
from gradlab.types import Remedy, Trail
from tests.remedies.training import Follow, lane, remedy, setting, tree
from tests.test_contracts import DTYPES, gaussian, shapes, specs

SPECS = specs("remedies")
PLACES = ("cell", "start", "adjoint", "gradients", "penalty")


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

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_change_of_the_gradient_keeps_its_form_and_is_finite(self, spec, dtype):
        change = arm(spec).remedy.gradients
        if change is None:
            return
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
    def test_a_change_of_the_adjoint_keeps_its_form_at_every_exponent(self, spec, dtype):
        change = arm(spec).remedy.adjoint
        if change is None:
            return
        for exponent in (-(10**6), 0, 10**6):
            for size in (0.0, 1.0):
                sent = rescale(jax.tree.map(lambda leaf, s=size: leaf * s, cast(tree(), dtype)), exponent)
                for lag in (1, 2, 50):
                    found = change(jnp.int32(lag), sent)
                    assert shapes(found) == shapes(sent)
                    peak = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(found.value))
                    assert peak == 0 or 0.5 <= peak < 1
                    assert size or peak == 0

    def test_a_penalty_is_finite_and_differentiable_and_does_not_see_beyond_the_end(self, spec, key):
        made = arm(spec)
        if made.remedy.penalty is None:
            return
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

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.remedies.adaptive_clip import adaptive_clip
from tests.remedies.training import changed_by, changes_nothing, close, equal, tree


def clipped(gradient, weights, threshold):
    """Row by row of the last axis; a vector is one row."""
    gradient, weights = np.asarray(gradient), np.asarray(weights)
    rows = gradient.reshape(-1, gradient.shape[-1]).copy()
    for row, own in zip(rows, weights.reshape(rows.shape), strict=True):
        limit = threshold * max(np.linalg.norm(own), 1e-3)
        if np.linalg.norm(row) > limit:
            row *= limit / np.linalg.norm(row)
    return rows.reshape(gradient.shape)


def weights():
    return jax.tree.map(
        lambda leaf: jnp.asarray(np.random.default_rng(5).standard_normal(leaf.shape)), tree()
    )


@pytest.mark.parametrize("threshold", [0.1, 1.0])
def test_each_units_incoming_weights_against_numpy(threshold):
    found = changed_by(f"adaptive_clip({threshold})", tree(), weights())
    close(found, jax.tree.map(lambda g, w: clipped(g, w, threshold), tree(), weights()), rtol=1e-14)


def test_a_unit_at_zero_can_leave_it():
    zero = jax.tree.map(jnp.zeros_like, tree())
    found = changed_by("adaptive_clip(0.5)", tree(), zero)
    np.testing.assert_allclose(np.linalg.norm(found["w"], axis=1), 0.5e-3, rtol=1e-14)
    equal(changed_by("adaptive_clip(0.5)", zero, weights()), zero)


def test_a_gradient_whose_square_overflows_keeps_its_direction():
    huge = jax.tree.map(lambda leaf: (leaf * 1e30).astype(jnp.float32), tree())
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), weights())
    found = changed_by("adaptive_clip(0.1)", huge, single)
    close(found, changed_by("adaptive_clip(1e-9)", tree(), jax.tree.map(lambda w: 1e8 * w, weights())), 1e-5)


def test_huge_threshold_is_neutral():
    changes_nothing("adaptive_clip(1e30)")


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf")])
def test_threshold_is_positive_and_finite(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold} must be positive and finite"):
        adaptive_clip(threshold=threshold)

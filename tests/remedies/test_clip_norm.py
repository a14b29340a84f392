import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.remedies.training import changed_by, changes_nothing, close, tree


@pytest.mark.parametrize("size", [1e-3, 0.999, 1.001, 50.0])
def test_against_optax(size):
    gradient = jax.tree.map(lambda leaf: leaf * size / optax.tree.norm(tree()), tree())
    found = changed_by("clip_norm(1.0)", gradient)
    close(found, changed_by(optax.clip_by_global_norm(1.0), gradient), rtol=1e-14)
    assert float(optax.tree.norm(found)) == pytest.approx(min(size, 1.0), rel=1e-14)


@pytest.mark.parametrize(("dtype", "scale"), [(jnp.float32, 1e30), (jnp.float32, 1e37), (jnp.float64, 1e300)])
def test_a_gradient_whose_square_overflows_keeps_its_direction(dtype, scale):
    huge = jax.tree.map(lambda leaf: (leaf * scale).astype(dtype), tree())
    found = changed_by("clip_norm(0.5)", huge)
    unit = jax.tree.map(lambda leaf: 0.5 * leaf / optax.tree.norm(tree()), tree())
    close(found, unit, rtol=1e-5 if dtype == jnp.float32 else 1e-14)


def test_a_gradient_whose_square_underflows_is_left_alone():
    tiny = jax.tree.map(lambda leaf: (leaf * 1e-30).astype(jnp.float32), tree())
    jax.tree.map(np.testing.assert_array_equal, changed_by("clip_norm(1.0)", tiny), tiny)
    close(
        changed_by("clip_norm(1e-32)", tiny),
        jax.tree.map(lambda leaf: 1e-32 * leaf / optax.tree.norm(tree()), tree()),
        rtol=1e-5,
    )


def test_zero_stays_zero_and_what_is_not_finite_is_not_hidden():
    zero = jax.tree.map(jnp.zeros_like, tree())
    jax.tree.map(np.testing.assert_array_equal, changed_by("clip_norm", zero), zero)
    broken = tree() | {"b": jnp.array([jnp.inf, 0.0])}
    assert not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(changed_by("clip_norm", broken)))


def test_huge_threshold_is_neutral():
    changes_nothing("clip_norm(1e30)")


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf"), float("nan")])
def test_threshold_is_positive_and_finite(threshold):
    from gradlab.remedies.clip_norm import clip_norm

    with pytest.raises(ValueError, match=f"threshold={threshold} must be positive and finite"):
        clip_norm(threshold=threshold)

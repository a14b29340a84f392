import jax
import numpy as np
import pytest

from gradlab.initializers.orthogonal import orthogonal


@pytest.mark.ends
@pytest.mark.parametrize("n", [1, 2, 16, 64])
def test_every_singular_value_is_one(n, key):
    np.testing.assert_allclose(np.linalg.svd(orthogonal(key, n), compute_uv=False), 1, rtol=1e-13)


def test_one_unit_is_plus_one(key):
    draws = jax.vmap(lambda k: orthogonal(k, 1))(jax.random.split(key, 20))
    np.testing.assert_array_equal(draws, np.ones((20, 1, 1)))


def test_haar_moments(key):
    """Haar: the trace has mean 0 and variance 1, det is +1 as often as -1; a bare QR has neither."""
    n, draws = 4, 4000
    w = np.asarray(jax.jit(jax.vmap(lambda k: orthogonal(k, n)))(jax.random.split(key, draws)))
    trace = np.trace(w, axis1=1, axis2=2)
    assert abs(trace.mean()) < 5 / np.sqrt(draws)
    assert trace.var() == pytest.approx(1, abs=5 * np.sqrt(2 / draws))
    assert abs(np.sign(np.linalg.det(w)).mean()) < 5 / np.sqrt(draws)
    np.testing.assert_allclose((w**2).mean(axis=0), 1 / n, atol=0.02)
    assert np.abs(w.mean(axis=0)).max() < 5 / np.sqrt(draws * n)

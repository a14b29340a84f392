import jax
import numpy as np
import pytest

from gradlab.initializers.spectral import spectral


@pytest.mark.ends
@pytest.mark.parametrize("n", [1, 2, 3, 64])
def test_spectral_radius_is_one(n, key):
    w = np.asarray(jax.vmap(lambda k: spectral(k, n))(jax.random.split(key, 4)))
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(w)).max(axis=1), 1, rtol=1e-12)


def test_one_unit_is_plus_one(key):
    draws = jax.vmap(lambda k: spectral(k, 1))(jax.random.split(key, 20))
    np.testing.assert_array_equal(draws, np.ones((20, 1, 1)))


def test_it_is_no_orthogonal_matrix(key):
    assert np.linalg.norm(spectral(key, 64), 2) > 1.5

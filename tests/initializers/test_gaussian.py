import jax
import numpy as np
import pytest
from scipy import stats

from gradlab.initializers.gaussian import gaussian


@pytest.mark.parametrize("n", [1, 5, 100])
def test_entries_are_normal_with_variance_one_over_n(n, key):
    count = 20_000 // n**2 + 1
    w = np.asarray(jax.vmap(lambda k: gaussian(k, n))(jax.random.split(key, count)))
    assert stats.kstest(w.ravel() * np.sqrt(n), "norm").pvalue > 1e-3


def test_circular_law(key):
    w = np.asarray(gaussian(key, 200))
    assert np.abs(np.linalg.eigvals(w)).max() == pytest.approx(1, abs=0.1)
    assert np.linalg.norm(w, 2) == pytest.approx(2, abs=0.1)

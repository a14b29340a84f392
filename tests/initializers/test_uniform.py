import jax
import numpy as np
import pytest
from scipy import stats

from gradlab.initializers.uniform import uniform


@pytest.mark.parametrize("n", [1, 5, 100])
def test_entries_fill_the_interval_of_glorot_and_bengio(n, key):
    count = 20_000 // n**2 + 1
    w = np.asarray(jax.vmap(lambda k: uniform(k, n))(jax.random.split(key, count))).ravel()
    bound = np.sqrt(6 / (n + n))
    assert stats.kstest(w, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3
    assert np.abs(w).max() <= bound
    assert w.var() == pytest.approx(1 / n, rel=5 * np.sqrt(0.8 / w.size))


def test_circular_law(key):
    w = np.asarray(uniform(key, 200))
    assert np.abs(np.linalg.eigvals(w)).max() == pytest.approx(1, abs=0.1)
    assert np.linalg.norm(w, 2) == pytest.approx(2, abs=0.1)

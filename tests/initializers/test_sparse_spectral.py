import jax
import numpy as np
import pytest
from scipy import stats

from gradlab.initializers.sparse_spectral import SparseSpectral


@pytest.mark.ends
@pytest.mark.parametrize(("n", "nonzeros"), [(1, 15), (2, 15), (20, 1), (40, 15)])
def test_each_unit_listens_to_that_many(n, nonzeros, key):
    draw = SparseSpectral(nonzeros=nonzeros)
    w = np.asarray(jax.vmap(lambda k: draw(k, n))(jax.random.split(key, 4)))
    np.testing.assert_array_equal((w != 0).sum(axis=2), min(n, nonzeros))


@pytest.mark.ends
@pytest.mark.parametrize(("n", "radius"), [(1, 0.95), (2, 1.0), (50, 0.95), (50, 1.3)])
def test_spectral_radius(n, radius, key):
    w = np.asarray(jax.vmap(lambda k: SparseSpectral(radius=radius)(k, n))(jax.random.split(key, 4)))
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(w)).max(axis=1), radius, rtol=1e-12)


def test_one_source_makes_loops_alone(key):
    """A row with one entry leads to one loop or more; its eigenvalues are roots of the loop's product."""
    w = np.asarray(SparseSpectral(nonzeros=1)(key, 6))
    source, radii = np.abs(w).argmax(axis=1), []
    for start in range(6):
        path = [start]
        while source[path[-1]] not in path:
            path.append(source[path[-1]])
        loop = path[path.index(source[path[-1]]) :]
        radii.append(np.prod([np.abs(w[i, source[i]]) for i in loop]) ** (1 / len(loop)))
    assert max(radii) == pytest.approx(0.95, rel=1e-9)


def test_sources_are_uniform_and_weights_normal(key):
    n, nonzeros, draws = 12, 3, 1000
    draw = SparseSpectral(nonzeros=nonzeros)
    w = np.asarray(jax.jit(jax.vmap(lambda k: draw(k, n)))(jax.random.split(key, draws)))
    share = (w != 0).mean(axis=0)
    deviation = np.sqrt(nonzeros / n * (1 - nonzeros / n) / draws)
    assert np.abs(share - nonzeros / n).max() < 4.5 * deviation
    # The radius scales a whole matrix, so it drops out of the ratio of two entries: Cauchy.
    weights = w[:, 0][w[:, 0] != 0]
    first, second = weights.reshape(draws, nonzeros)[:, :2].T
    assert stats.kstest(first / second, "cauchy").pvalue > 1e-3


@pytest.mark.parametrize("setting", [{"nonzeros": 0}, {"radius": 0.0}, {"radius": float("inf")}])
def test_bad_settings(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))}=.* must be"):
        SparseSpectral(**setting)

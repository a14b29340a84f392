import numpy as np
import pytest

from gradlab.initializers.scaled_identity import ScaledIdentity


@pytest.mark.parametrize("n", [1, 5])
def test_the_identity_scaled(n, key):
    np.testing.assert_array_equal(ScaledIdentity()(key, n), 0.01 * np.eye(n))
    np.testing.assert_array_equal(ScaledIdentity(scale=-2.0)(key, n), -2 * np.eye(n))


def test_noise_fills_a_disk_around_the_scale(key):
    eigenvalues = np.linalg.eigvals(ScaledIdentity(scale=0.9, noise=0.1)(key, 300))
    assert np.abs(eigenvalues - 0.9).max() == pytest.approx(0.1, abs=0.01)
    # Uniform on the disk: the mean square distance is half the radius squared.
    assert (np.abs(eigenvalues - 0.9) ** 2).mean() == pytest.approx(0.1**2 / 2, rel=0.1)


@pytest.mark.parametrize("setting", [{"scale": float("nan")}, {"noise": -1.0}, {"noise": float("inf")}])
def test_bad_settings(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))}=.* must be"):
        ScaledIdentity(**setting)

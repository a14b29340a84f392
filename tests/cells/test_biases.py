import jax
import numpy as np
import pytest
from scipy import stats

from gradlab.cells import _biases


def test_time_scales_fill_the_range_from_2_to_the_longest(key):
    """A gate at rest with opening s forgets within 1 / (1 - s) steps."""
    b = np.asarray(_biases.chrono(key, 2000, 50.0))
    scales = 1 + np.exp(b)
    np.testing.assert_allclose(scales, 1 / (1 - 1 / (1 + np.exp(-b))), rtol=1e-12)
    assert stats.kstest(scales, stats.uniform(2, 48).cdf).pvalue > 0.01


def test_shortest_range_has_one_time_scale(key):
    np.testing.assert_array_equal(_biases.chrono(key, 4, 2.0), np.zeros(4))


def test_widest_dtype_and_one_stream(key):
    wide = _biases.chrono(key, 3, 9.0)
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, _biases.chrono(key, 3, 9.0))
    with jax.enable_x64(False):
        assert _biases.chrono(key, 3, 9.0).dtype == np.float32


@pytest.mark.parametrize("longest", [0.0, 2.0, 784.0])
def test_allowed_settings(longest):
    _biases.check_chrono(longest)


@pytest.mark.parametrize("longest", [-1.0, 1.0, 1.99, float("nan"), float("inf")])
def test_refused_settings(longest):
    with pytest.raises(ValueError, match=rf"chrono={longest} must be 0 \(off\), or finite and at least 2"):
        _biases.check_chrono(longest)

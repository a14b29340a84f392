import numpy as np
import pytest

from gradlab import registry
from gradlab.testing import gaussian
from tests.remedies.training import remedy


@pytest.mark.parametrize("cell", ["elman", "lstm", "indrnn"])
def test_recurrent_weights_alone_are_brought_back(cell, key):
    params, _ = registry.make("cells", cell).init(key, 2, 6, 1.7, gaussian)
    found = remedy("weight_clip(limit=0.4)").project(params)
    np.testing.assert_array_equal(found.w_rec, np.clip(params.w_rec, -0.4, 0.4))
    assert float(np.abs(params.w_rec).max()) > 0.4
    np.testing.assert_array_equal(found.w_in, params.w_in)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf")])
def test_the_limit_is_positive_and_finite(limit):
    from gradlab.remedies.weight_clip import weight_clip

    with pytest.raises(ValueError, match="must be positive and finite"):
        weight_clip(limit=limit)

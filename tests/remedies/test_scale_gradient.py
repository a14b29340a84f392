import jax
import numpy as np
import pytest

from gradlab.remedies.scale_gradient import scale_gradient
from tests.remedies.training import changed_by, changes_nothing, equal, tree


def test_every_entry_is_multiplied():
    equal(changed_by("scale_gradient(0.25)", tree()), jax.tree.map(lambda leaf: np.asarray(leaf) / 4, tree()))


def test_factor_1_is_neutral():
    changes_nothing("scale_gradient(1.0)")


@pytest.mark.parametrize("factor", [0.0, -0.1, float("nan")])
def test_factor_is_positive_and_finite(factor):
    with pytest.raises(ValueError, match=f"factor={factor} must be positive and finite"):
        scale_gradient(factor=factor)

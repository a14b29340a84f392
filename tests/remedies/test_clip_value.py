import jax
import numpy as np
import optax
import pytest

from gradlab.remedies.clip_value import clip_value
from tests.remedies.training import changed_by, changes_nothing, equal, tree


def test_every_entry_on_its_own():
    found = changed_by("clip_value(0.25)", tree())
    equal(found, jax.tree.map(lambda leaf: np.clip(leaf, -0.25, 0.25), tree()))
    equal(found, changed_by(optax.clip(0.25), tree()))
    assert any((np.abs(leaf) == 0.25).any() for leaf in jax.tree.leaves(found))


def test_huge_threshold_is_neutral():
    changes_nothing("clip_value(1e30)")


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf")])
def test_threshold_is_positive_and_finite(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold} must be positive and finite"):
        clip_value(threshold=threshold)

import jax
import numpy as np
import pytest
import scipy.linalg

from gradlab import registry
from gradlab.studies.remedies import loop
from gradlab.testing import gaussian
from tests.remedies.training import remedy, setting, untrained


@pytest.mark.parametrize("cell", ["elman", "lstm", "stacked(cell=gru)"])
def test_it_is_scipy_s_polar_factor_of_every_gate(cell, key):
    made = registry.make("cells", cell)
    params, _ = made.init(key, 2, 5, 1.3, gaussian)
    found = remedy("retraction").project(params)
    pairs = zip(jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(found), strict=True)
    seen = 0
    for (path, old), new in pairs:
        if not any(getattr(part, "name", "") == "w_rec" for part in path):
            np.testing.assert_array_equal(new, old)
            continue
        for before, after in zip(old.reshape(-1, 5, 5), new.reshape(-1, 5, 5), strict=True):
            seen += 1
            np.testing.assert_allclose(after, scipy.linalg.polar(np.asarray(before))[0], atol=1e-12)
    assert seen >= 1


def test_the_weights_stay_orthogonal_while_training():
    of = setting(remedy("retraction"), "elman")
    one = untrained(of, rate=0.5)
    for _ in range(5):
        one, _ = jax.jit(loop.update, static_argnums=0)(of, one)
        w = np.asarray(one.weights.cell.w_rec)
        np.testing.assert_allclose(w @ w.T, np.eye(3), atol=1e-12)

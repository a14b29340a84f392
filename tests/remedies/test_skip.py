import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.remedies.skip import skip
from gradlab.studies.remedies import arms
from gradlab.testing import gaussian


def test_each_step_sees_the_state_k_steps_back(key):
    k = 3
    cell, plain = (arms.arm(text, "elman", "gaussian").cell for text in (f"skip({k})", "none"))
    params, state = cell.init(key, 2, 4, 1.1, gaussian)
    xs = np.asarray(jax.random.normal(key, (7, 2)))
    hs = [np.zeros(4)] * k
    for x in xs:
        state = cell.step(params, state, jnp.asarray(x))
        hs.append(np.tanh(params.w_rec @ (hs[-1] + hs[-k]) + params.w_in @ x + params.b))
        np.testing.assert_allclose(cell.readout(state), hs[-1], rtol=1e-12)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, plain.init(key, 2, 4, 1.1, gaussian)[0])


@pytest.mark.parametrize("k", [0, -2])
def test_k_is_at_least_1(k):
    with pytest.raises(ValueError, match=f"k={k} must be at least 1"):
        skip(k=k)

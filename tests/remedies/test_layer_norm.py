import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.studies.remedies import arms
from gradlab.testing import gaussian


def test_the_hidden_state_is_normalised_at_every_step(key):
    cell = arms.arm("layer_norm", "elman", "gaussian").cell
    params, state = cell.init(key, 2, 8, 1.0, gaussian)
    for x in jax.random.normal(key, (3, 2)):
        state = cell.step(params, state, x)
        h = np.asarray(cell.readout(state))
        np.testing.assert_allclose([h.mean(), h.std()], [0, 1], atol=1e-4)
    assert jnp.shape(params.gain) == (8,)


def test_it_wraps_whatever_cell_there_is():
    cell = arms.arm("layer_norm+gru", "elman", "gaussian").cell
    assert cell == registry.make("cells", "layer_norm(cell=gru)")

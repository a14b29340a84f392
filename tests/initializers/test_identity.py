import jax
import numpy as np

from gradlab.initializers.identity import identity


def test_identity_whatever_the_key(key):
    np.testing.assert_array_equal(identity(key, 5), np.eye(5))
    np.testing.assert_array_equal(identity(jax.random.key(1), 5), np.eye(5))

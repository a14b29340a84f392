"""The contracts of initialisers: a right one keeps them, and each is broken by one that breaks it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import testing
from tests.members import told


def right(key, n):
    """An initialiser of another package."""
    return jax.random.normal(key, (n, n), float) / np.sqrt(n)


def unseeded(key, n):
    return right(key, n) * np.random.default_rng().standard_normal()


def half_where_float64_is_off(key, n):
    return right(key, n).astype(float if jax.config.jax_enable_x64 else jnp.float16)


def test_a_right_initializer_keeps_them():
    testing.check_initializer(right)


@pytest.mark.parametrize(
    ("draw", "contract", "said"),
    [
        (lambda key, n: right(key, n)[:, :1], "draws_square_matrices_of_its_key", "the shape (2, 1)"),
        (lambda key, n: right(key, n).astype(jnp.float32), "draws_square_matrices_of_its_key", "float32"),
        (unseeded, "draws_square_matrices_of_its_key", "one key draws two matrices"),
        (half_where_float64_is_off, "draws_float32_where_float64_is_off", "float16"),
        (unseeded, "vmap_draws_what_a_loop_draws", "Not equal"),
    ],
)
def test_an_initializer_that_breaks_one_is_told(draw, contract, said):
    assert said in told(testing.initializer_checks(draw), contract)

"""Contracts of initialisers: what every one must do, ours and other people's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.testing._held import Check, Contract, checks, hold
from gradlab.testing.networks import key


def initializer_checks(initializer: Any) -> list[Check]:
    """The contracts of an initialiser, one callable each: of `(key, n) -> W`, or by its spelling."""
    made = registry.make("initializers", initializer) if isinstance(initializer, str) else initializer
    return checks(INITIALIZER, made)


def check_initializer(initializer: Any) -> None:
    """Hold an initialiser to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(initializer_checks(initializer))


def draws_square_matrices_of_its_key(draw: Any) -> None:
    """A key decides a finite matrix (n, n) in float64, of one unit too."""
    for n in (1, 2, 7):
        w = draw(key(), n)
        assert w.shape == (n, n), f"for {n} units it draws the shape {w.shape}"
        assert w.dtype == jnp.float64, f"it draws {w.dtype} where float64 is on"
        assert np.isfinite(w).all(), f"for {n} units a number is not finite"
        np.testing.assert_array_equal(w, draw(key(), n), err_msg="one key draws two matrices")


def draws_float32_where_float64_is_off(draw: Any) -> None:
    """Without float64 it draws in float32."""
    with jax.enable_x64(False):
        found = jax.eval_shape(lambda key: draw(key, 5), jax.random.key(0)).dtype
    assert found == jnp.float32, f"it draws {found} where float64 is off"


def vmap_draws_what_a_loop_draws(draw: Any) -> None:
    """A batch of keys gives what each of them gives alone."""
    keys = jax.random.split(key(), 3)
    together = jax.jit(jax.vmap(lambda k: draw(k, 5)))(keys)
    for one, k in zip(together, keys, strict=True):
        np.testing.assert_allclose(one, draw(k, 5), rtol=1e-12, atol=1e-14)


INITIALIZER: tuple[Contract, ...] = (
    draws_square_matrices_of_its_key,
    draws_float32_where_float64_is_off,
    vmap_draws_what_a_loop_draws,
)
"""Contracts of every initialiser."""

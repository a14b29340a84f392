"""Whether parameters and gradients are finite, by name, and their norm, against numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.monitoring import numbers


def tree(bad=1.0):
    return {"a": np.ones(3), "b": [jnp.ones((2, 2), jnp.float32), jnp.array([1.0, bad])], "n": jnp.arange(3)}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_leaf_is_named(bad):
    assert numbers.not_finite("params", tree(bad)) == "params['b'][1]"
    assert numbers.not_finite("params", tree() | {"a": np.array([bad])}) == "params['a']"
    assert numbers.not_finite("grads", jnp.float32(bad)) == "grads"


def test_what_is_finite_has_no_name():
    assert numbers.not_finite("params", tree()) == ""
    assert numbers.not_finite("params", {"called": "lstm", "n": np.arange(2)}) == ""


def test_a_norm_is_over_all_leaves_and_does_not_overflow():
    values = [np.array([3e30], np.float32), np.array([4e30j], np.complex64)]
    assert numbers.norm(values) == pytest.approx(5e30, rel=1e-6)
